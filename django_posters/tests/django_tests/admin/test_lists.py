"""Filters, links and pictures in the admin, where a site has several admins, private pictures or odd keys."""

import re
import uuid
from collections.abc import Iterator
from html import unescape
from types import ModuleType
from typing import Any

import pytest
from django.conf import settings
from django.contrib import admin as django_admin
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.urls import clear_url_caches, include, path
from django.utils.translation import override
from django_posters.admin.mixin import PosterAdminMixin
from django_posters.admin.templates import TemplateAdmin
from django_posters.models import Poster, PosterTemplate, TemplateCommand
from django_posters.results.template_results import apply_version
from django_posters.testing import capture_posters
from testimonials.models import Testimonial as Row

from django_posters import request_poster
from django_tests.outcomes import NOW, version
from django_tests.site import Site, make_testimonial

ADMIN = "/admin/posters/"
VARIANTS = {"variants": [{"name": "square"}, {"name": "og", "width": 1200, "height": 630}]}


@pytest.fixture
def admin(plain_site: Site) -> Client:
    """A client that is logged in as a superuser."""
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    return client


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer
    return answer.content.decode()


def choices(html: str, name: str) -> dict[str, str]:
    """Return the choices of a filter: text and query."""
    found = re.findall(rf'<a href="(\?[^"]*\b{name}=[^"]*)"[^>]*>\s*(.*?)\s*</a>', html, re.DOTALL)
    return {text: unescape(query) for query, text in found}


def test_filters_name_what_is_empty(admin: Client) -> None:
    """Sections of no site and posters without an error can be chosen, as all others can, also with their counts."""
    for number, owner in ((1, None), (2, "shop")):
        apply_version(version(number, section=f"section-{number}", owner=owner))
    with capture_posters() as posters:
        for author in ("Ada", "Unlucky"):
            request_poster(make_testimonial(author=author))
        posters[1].fail("upload")

    owners = choices(page(admin, ADMIN + "postertemplate/"), "owner")
    counted = choices(page(admin, ADMIN + "postertemplate/?_facets=True"), "owner")
    errors = choices(page(admin, ADMIN + "poster/"), "error_code")
    of_nobody = page(admin, ADMIN + "postertemplate/" + owners["no site"])

    assert list(owners) == ["no site", "shop"]
    assert list(counted) == ["no site (1)", "shop (1)"]
    assert list(errors) == ["no error", "upload"]
    assert ("section-1@1" in of_nobody, "section-2@2" in of_nobody) == (True, False)
    with override("de"), override_settings(LANGUAGE_CODE="de"):
        assert "keine Website" in page(admin, ADMIN + "postertemplate/")


def test_row_with_an_odd_key_is_linked(admin: Client) -> None:
    """Django reads `_25` in an address as `%`: the link to a row has its key as the admin writes it."""
    poster = request_poster(make_testimonial())
    Poster.objects.update(entity_id="sale_25/b")

    shown = page(admin, f"{ADMIN}poster/{poster.pk}/change/")

    assert "/admin/testimonials/testimonial/sale_5F25_2Fb/change/" in shown


def test_every_image_is_shown_with_its_size(admin: Client) -> None:
    """The page of a poster links to each of its variants, by the address that can be read."""
    posters = settings.POSTERS | {"URL_SIGNER": lambda url, _: f"{url}?signed"}
    with override_settings(POSTERS=posters), capture_posters() as captured:
        poster = request_poster(make_testimonial(), output=VARIANTS)
        captured[0].succeed()

        shown = page(admin, f"{ADMIN}poster/{poster.pk}/change/")

    for name, size in (("square", "1080 × 1080"), ("og", "1200 × 630")):
        assert f'/{poster.pk}/{name}.png?signed">{name}</a> {size} PNG' in shown
    assert "png&quot;" not in shown


def test_previews_of_a_private_bucket_are_signed(admin: Client) -> None:
    """Thumbnails of the list and the picture beside the editor have signed addresses, as those of posters have."""
    apply_version(version(1))
    TemplateCommand.objects.create(
        command_id=uuid.uuid4(),
        kind="template.preview",
        section="testimonial",
        template=PosterTemplate.objects.get(),
        url="https://cdn.test/preview.png",
        created_at=NOW,
    )
    with override_settings(POSTERS=settings.POSTERS | {"URL_SIGNER": lambda url, _: f"{url}?signed"}):
        pages = [
            page(admin, ADMIN + "postertemplate/"),
            page(admin, f"{ADMIN}postertemplate/{uuid.UUID(int=1)}/change/"),
        ]

    for shown in pages:
        assert re.findall(r'src="(https://cdn.test/[^"]*)"', shown) == ["https://cdn.test/preview.png?signed"]


class _Templates(TemplateAdmin):
    pass


class _Testimonials(PosterAdminMixin, django_admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ("author", "poster_thumbnail")


@pytest.fixture
def second_admin() -> Iterator[str]:
    """The address of another AdminSite of the site."""
    other = django_admin.AdminSite(name="staff")
    other.register(PosterTemplate, _Templates)
    other.register(Row, _Testimonials)
    urls: Any = ModuleType("urls")
    urls.urlpatterns = [path("staff/", other.urls), path("", include("website.urls"))]
    with override_settings(ROOT_URLCONF=urls):
        yield "/staff/"
    clear_url_caches()


def test_pages_stay_within_their_admin(admin: Client, second_admin: str) -> None:
    """Where a site has two admins, the editor and the comparison send their commands to the one that they belong to."""
    for number in (1, 2):
        apply_version(version(number))
    ids = [str(uuid.UUID(int=number)) for number in (1, 2)]

    for address in (
        "postertemplate/add/",
        f"postertemplate/{ids[0]}/change/",
        f"postertemplate/compare/?id={ids[0]}&id={ids[1]}",
    ):
        shown = page(admin, f"{second_admin}posters/{address}")
        assert f'data-commands="{second_admin}posters/postertemplate/commands/"' in shown
        assert "/admin/" not in shown.partition("<main")[2]


def test_own_admin_keeps_the_joins_of_its_list(
    admin: Client, second_admin: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mixin reads the posters of a list by one query, and leaves `list_select_related` to the site."""
    monkeypatch.setattr(_Testimonials, "list_select_related", ("poster__job",), raising=False)
    for author in ("Ada", "Maya"):
        request_poster(make_testimonial(author=author))

    with CaptureQueriesContext(connection) as queries:
        page(admin, second_admin + "testimonials/testimonial/")

    read = [query["sql"] for query in queries if '"posters_poster"' in query["sql"]]
    assert len(read) == 1
    assert '"posters_job"' in read[0]


def test_status_has_its_colour_by_a_class(admin: Client) -> None:
    """A Content Security Policy that refuses styles within the page takes no colour away."""
    request_poster(make_testimonial())

    shown = [page(admin, ADMIN + name) for name in ("poster/", "job/")]

    assert all('class="poster-status poster-is-queued"' in html for html in shown)
    assert not any(re.search(r'<b[^>]* style="', html) for html in shown)
