"""{% poster %}: an image, or its placeholder."""

import re
from typing import Any

import pytest
from django.db import connection
from django.template import Context, Template
from django.test.utils import CaptureQueriesContext
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import PosterOutcome
from django_posters.results.outcomes import apply_outcome
from testimonials import models

from django_posters import request_poster
from django_tests.outcomes import URL, outcome
from django_tests.site import Site, make_testimonial


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
