"""{% poster %}: an image, or its placeholder."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template, TemplateSyntaxError
from django.test import RequestFactory, override_settings
from django.test.utils import CaptureQueriesContext
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import PosterOutcome
from django_posters.models import Poster
from django_posters.results.outcomes import apply_outcome
from django_posters.testing import capture_posters
from testimonials import models

from django_posters import request_poster
from django_tests.outcomes import URL, outcome
from django_tests.site import Site, make_testimonial

DOCUMENT = Path(__file__).parents[3] / "docs" / "django.md"
SNIPPETS = re.findall(r"```django\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)


def shown(row: object, options: str = "") -> dict[str, str]:
    """Return the attributes of the <img> that the tag renders for a row."""
    html = Template("{% load posters %}{% poster row " + options + " %}").render(Context({"row": row}))
    assert re.fullmatch(r"<img( [a-z-]+=\"[^\"<>]*\")+>", html), html
    return dict(re.findall(r'([a-z-]+)="([^"]*)"', html))


def finish(job_id: str, **fields: Any) -> None:
    apply_outcome(decode(outcome(job_id, **fields), PosterOutcome))


def test_page_does_not_jump(any_site: Site) -> None:
    """Pending and finished images have the same width and height, also with more device pixels."""
    testimonial = make_testimonial()
    poster = request_poster(testimonial, output={"width": 600, "height": 315, "scale": 2})
    waiting = shown(testimonial)
    finish(poster.job_id, width=1200, height=630)

    done = shown(models.Testimonial.objects.select_related("poster").get())

    assert (waiting["width"], waiting["height"]) == (done["width"], done["height"]) == ("600", "315")
    assert waiting["src"].startswith("data:image/svg+xml,")
    assert (waiting["data-poster-status"], done["data-poster-status"]) == ("queued", "completed")
    assert (done["src"], done["data-poster"]) == (URL, str(poster.pk))


def test_row_without_a_poster_has_a_place(any_site: Site) -> None:
    """Before the first request there is a placeholder, without a poster id."""
    picture = shown(make_testimonial())

    assert (picture["width"], picture["height"], picture["data-poster"]) == ("1080", "1080", "")


def test_failed_poster_keeps_the_placeholder(any_site: Site) -> None:
    """After a failure the placeholder stays, and scripts and styles can see the status."""
    poster = request_poster(testimonial := make_testimonial())
    finish(poster.job_id, status="failed")
    testimonial.refresh_from_db()

    picture = shown(testimonial)

    assert picture["src"].startswith("data:")
    assert picture["data-poster-status"] == "failed"


@pytest.mark.parametrize(
    ("options", "size"),
    [("width=300", ("300", "158")), ("height=63", ("120", "63")), ("width=10 height=20", ("10", "20"))],
)
def test_one_side_scales_the_other(any_site: Site, options: str, size: tuple[str, str]) -> None:
    """One given side keeps the aspect ratio."""
    request_poster(testimonial := make_testimonial(), output={"width": 1200, "height": 630})

    picture = shown(testimonial, options)

    assert (picture["width"], picture["height"]) == size


def test_picture_of_another_shape_is_not_distorted(any_site: Site) -> None:
    """If the template's size was unknown, the finished image's aspect ratio is used."""
    poster = request_poster(testimonial := make_testimonial())
    finish(poster.job_id, width=1200, height=630)
    testimonial.refresh_from_db()

    picture = shown(testimonial)

    assert (picture["width"], picture["height"]) == ("1200", "630")


def test_attributes_are_escaped(any_site: Site) -> None:
    """Values of attributes are escaped."""
    testimonial = make_testimonial(author='"><script>')

    picture = shown(testimonial, "alt=row.author class='wide' data_kind='a'")

    assert picture["alt"] == "&quot;&gt;&lt;script&gt;"
    assert (picture["class"], picture["data-kind"]) == ("wide", "a")


def test_list_of_posters_is_one_query(any_site: Site) -> None:
    """With select_related a page of posters makes one query."""
    for _ in range(3):
        request_poster(make_testimonial())

    with CaptureQueriesContext(connection) as queries:
        for row in models.Testimonial.objects.select_related("poster"):
            shown(row)

    assert len(queries) == 1


VARIANTS = {
    "scale": 1,
    "variants": [
        {"name": "square"},
        {"name": "og", "width": 1200, "height": 630},
        {"name": "og@2x", "width": 1200, "height": 630, "scale": 2},
        {"name": "print", "format": "pdf"},
    ],
}


def complete(**fields: Any) -> models.Testimonial:
    """Return a row whose poster has its variants."""
    with capture_posters() as posters:
        request_poster(make_testimonial(), output=VARIANTS)
    posters[0].succeed(**fields)
    return models.Testimonial.objects.select_related("poster").get()


def test_variant_is_shown_at_its_size(any_site: Site) -> None:
    """A variant has its own size before and after it is there, and its own address."""
    request_poster(row := make_testimonial(), output=VARIANTS)
    waiting = shown(row, 'variant="og"')
    models.Testimonial.objects.all().delete()

    row = complete()
    found, first = shown(row, 'variant="og"'), shown(row)

    assert (waiting["width"], waiting["height"]) == (found["width"], found["height"]) == ("1200", "630")
    assert row.poster is not None
    assert found["src"] == row.poster.url_of("og") != first["src"] == row.poster.url
    assert (first["width"], first["height"], "srcset" in first) == ("1080", "1080", False)
    assert [image.name for image in row.poster.images] == ["square", "og", "og@2x", "print"]
    assert (row.poster.images[1].width, row.poster.images[1].format, row.poster.url_of("none")) == (1200, "png", "")


def test_scales_of_a_variant_are_a_srcset(any_site: Site) -> None:
    """`og@2x` is `og` for screens with twice as many pixels."""
    row = complete()
    assert row.poster is not None

    found = shown(row, 'variant="og" width=600')

    assert found["srcset"] == f"{row.poster.url_of('og')} 1x, {row.poster.url_of('og@2x')} 2x"
    assert (found["width"], found["height"]) == ("600", "315")


def test_commas_of_an_address_stay_in_a_srcset(any_site: Site) -> None:
    """A signature may cover them; only blanks, and commas at the end, would be taken for the end of an address."""
    row = complete()
    assert row.poster is not None
    urls = ["https://cdn.test/fit,w_600/og.png", "https://cdn.test/fit,w_1200/a b,c,"]
    for image, url in zip(row.poster.image_data[1:], urls, strict=False):
        image["url"] = url

    found = shown(row, 'variant="og"')

    assert found["src"] == urls[0]
    assert found["srcset"] == "https://cdn.test/fit,w_600/og.png 1x, https://cdn.test/fit,w_1200/a%20b,c%2C 2x"


def test_document_is_no_picture(any_site: Site) -> None:
    """A PDF is left out: the tag shows the next image at its size, or the placeholder."""
    output = {"variants": [{"name": "print", "format": "pdf"}, {"name": "og", "width": 1200, "height": 630}]}
    with capture_posters() as posters:
        request_poster(make_testimonial(), output=output)
    image = {"object_key": "a", "sha256": "0" * 64, "size_bytes": 1, "width": 1200, "height": 630}
    document = image | {"name": "print", "url": "https://cdn.test/a.pdf", "format": "pdf"}
    picture = image | {"name": "og", "url": "https://cdn.test/a.png", "format": "png"}
    poster = posters[0].succeed(images=[document, picture])
    row = models.Testimonial.objects.select_related("poster").get()

    found, none = shown(row), shown(row, "variant='print'")

    assert (found["src"], found["width"], found["height"]) == (poster.url_of("og"), "1200", "630")
    assert (none["src"][:5], none["data-poster-picture"]) == ("data:", "none")


@pytest.mark.parametrize("size", ["width='50%'", "height='auto'"])
def test_size_that_is_no_number_says_what_to_write(plain_site: Site, size: str) -> None:
    """The attributes of an image are CSS pixels; anything else is an error that names the tag."""
    with pytest.raises(TemplateSyntaxError, match="tag poster are CSS pixels, such as 540"):
        shown(make_testimonial(), size)


def test_unknown_variant_has_a_place(any_site: Site) -> None:
    """A picture of an older design may lack a variant: there is a placeholder, which says so."""
    found = shown(complete(), 'variant="story"')

    assert (found["src"][:5], found["data-poster-picture"]) == ("data:", "none")


def test_picture_says_whose_it_is(any_site: Site) -> None:
    """Scripts and styles see whether the picture is the newest one, an earlier one, or none."""
    row = complete()
    own = shown(row)
    request_poster(row, reuse=False)

    earlier = shown(row)

    assert (own["data-poster-picture"], earlier["data-poster-picture"]) == ("own", "earlier")
    assert (earlier["src"], earlier["data-poster-status"]) == (own["src"], "queued")


def test_alternative_text_comes_with_the_row(any_site: Site) -> None:
    """The `alt` of the PosterField is that of the image, follows the row, and gives way to an argument of the tag."""
    row = make_testimonial(author="Ada", quote="Fine.")
    request_poster(row)
    alone = shown(row)["alt"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models.Testimonial, "poster_alt", lambda row: f"{row.author} says it")
        poster = request_poster(row)

    assert (alone, shown(row)["alt"], shown(row, "alt='Mine'")["alt"]) == ("Ada: Fine.", "Ada says it", "Mine")
    assert Poster.objects.get() == poster


def metas(row: object, options: str = "", **context: Any) -> dict[str, str]:
    """Return the meta tags that are rendered for a row."""
    html = Template("{% load posters %}{% poster_meta row " + options + " %}").render(Context({"row": row} | context))
    found = re.findall(r'<meta (?:property|name)="([^"]+)" content="([^"]*)">', html)
    assert html.count("<meta") == len(found)
    return dict(found)


def test_page_can_be_shared(any_site: Site) -> None:
    """The tags have an absolute address, size, type, alternative text, and a card that fits the picture."""
    row = complete()
    assert row.poster is not None

    assert metas(row, '"og"') == {
        "og:image": row.poster.url_of("og"),
        "og:image:type": "image/png",
        "og:image:width": "1200",
        "og:image:height": "630",
        "og:image:alt": "Maya: They just appear.",
        "twitter:card": "summary_large_image",
        "twitter:image": row.poster.url_of("og"),
        "twitter:image:alt": "Maya: They just appear.",
    }
    assert metas(row)["twitter:card"] == "summary"
    assert metas(row, "alt=text", text="<Mine>")["og:image:alt"] == "&lt;Mine&gt;"


def test_relative_address_becomes_absolute(any_site: Site) -> None:
    """A path is completed by the request, else by MEDIA_BASE_URL; without both there is an error that says so."""
    row = complete(images=[], url="/files/1.png")
    request = RequestFactory().get("/page/", secure=True)
    posters = {"SITE": "shop", "BOOTSTRAP_SERVERS": "a:1"}

    assert metas(row, request=request)["og:image"] == "https://testserver/files/1.png"
    with override_settings(POSTERS=posters | {"MEDIA_BASE_URL": "https://shop.test"}):
        assert metas(row)["og:image"] == "https://shop.test/files/1.png"
    with override_settings(POSTERS=posters), pytest.raises(TemplateSyntaxError, match="MEDIA_BASE_URL"):
        metas(row)


def test_page_without_a_picture_has_no_tags(any_site: Site) -> None:
    """There is nothing to share before the first picture, for an unknown variant, and for a PDF."""
    request_poster(row := make_testimonial())

    assert (metas(row), metas(None)) == ({}, {})
    models.Testimonial.objects.all().delete()
    row = complete()
    assert (metas(row, "'story'"), metas(row, "'print'")["twitter:card"]) == ({}, "summary")


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_documented_tags_render(plain_site: Site, snippet: str) -> None:
    """Every template snippet of the documentation renders tags of this package for a row with variants."""
    row = complete()

    html = Template(snippet).render(Context({"testimonial": row}))

    assert html.count("<img") + html.count('og:image"') == snippet.count("{% poster")
