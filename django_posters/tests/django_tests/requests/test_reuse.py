"""Reuse of posters, and the template catalog."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_posters.models import OutboxEvent, Poster, PosterTemplate
from testimonials import models

from django_posters import RequestError, request_poster, request_posters
from django_tests.site import Site, make_testimonial

LONG_AGO = timezone.now() - timedelta(days=1)
MADE = {"status": "completed", "url": "https://posters.test/p.png"}


def add_version(version: int, *, active_from: Any = None, is_active: bool = True, **fields: Any) -> PosterTemplate:
    """Add a version of the section `testimonial` to the site's catalog."""
    given = {"width": 1200, "height": 630, "html_sha256": "ab" * 32, "reported_at": timezone.now()} | fields
    return PosterTemplate.objects.create(
        template_id=uuid.uuid4(),
        section="testimonial",
        name="testimonial",
        version=version,
        is_active=is_active,
        active_from=active_from,
        **given,
    )


def test_new_version_of_the_template_asks_again(any_site: Site) -> None:
    """After another version became the latest, an unchanged row requests once more, single or in a batch."""
    add_version(1, active_from=LONG_AGO)
    testimonial = make_testimonial()
    first = request_poster(testimonial)
    Poster.objects.update(**MADE, template_version=1)
    unchanged = request_poster(testimonial)
    PosterTemplate.objects.update(is_active=False)
    add_version(2, active_from=timezone.now())

    second = request_poster(testimonial)
    job = request_posters(models.Testimonial.objects.all())

    assert unchanged == first
    assert second != first
    assert job.total_count == 0
    assert OutboxEvent.objects.count() == 2


def test_going_back_to_an_older_version_asks_again(any_site: Site) -> None:
    """An older version that is activated again counts as another template."""
    testimonial = make_testimonial()
    first = request_poster(testimonial)
    Poster.objects.update(**MADE, template_version=2)
    add_version(1, active_from=timezone.now())

    assert request_posters(models.Testimonial.objects.all()).total_count == 1
    assert models.Testimonial.objects.get().poster != first


def test_catalog_that_lags_behind_asks_for_nothing(any_site: Site) -> None:
    """A poster from a version that is not in the site's catalog yet is reused."""
    add_version(1, active_from=LONG_AGO)
    testimonial = make_testimonial()
    first = request_poster(testimonial)
    Poster.objects.update(**MADE, template_version=2)

    assert request_poster(testimonial) == first


def test_pinned_version_is_never_outdated(any_site: Site) -> None:
    """A request that names a version reuses its poster, whichever version becomes active."""
    add_version(1, active_from=LONG_AGO)
    testimonial = make_testimonial()
    first = request_poster(testimonial, template_id="testimonial@1")
    add_version(2, active_from=timezone.now())

    assert request_poster(testimonial, template_id="testimonial@1") == first


def test_known_template_gives_the_expected_size(any_site: Site) -> None:
    """A pending poster has the size of its template, unless the request sets another one."""
    add_version(1, active_from=LONG_AGO)

    by_template = request_poster(make_testimonial())
    by_output = request_poster(make_testimonial(), output={"width": 600})

    assert (by_template.css_width, by_template.css_height) == (1200, 630)
    assert (by_output.css_width, by_output.css_height) == (600, 630)


@pytest.mark.parametrize(
    ("template_id", "hint"),
    [
        ("testimonal_latest", "did you mean 'testimonial_latest'?"),
        ("testimonial@7", "did you mean 'testimonial@1'?"),
        ("quote@7", "there are testimonial_latest."),
        (str(uuid.UUID(int=7)), "there are testimonial_latest."),
    ],
)
def test_unknown_template_is_refused_where_templates_are_known(any_site: Site, template_id: str, hint: str) -> None:
    """An unknown template id is an error that suggests one like it, or names what there is; nothing is written."""
    add_version(1, active_from=LONG_AGO)
    testimonial = make_testimonial()

    with pytest.raises(RequestError, match=re.escape(f"there is no template '{template_id}'; {hint}")):
        request_poster(testimonial, template_id=template_id)
    with pytest.raises(RequestError, match="there is no template"):
        request_posters(models.Testimonial.objects.all(), template_id=template_id)

    assert not Poster.objects.exists()
    assert not OutboxEvent.objects.exists()


def test_archived_template_is_refused(any_site: Site) -> None:
    """A request for an archived version is an error."""
    add_version(1, is_active=False, archived_at=timezone.now())

    with pytest.raises(RequestError, match="'testimonial@1' is archived; activate it"):
        request_poster(make_testimonial(), template_id="testimonial@1")


def test_site_that_knows_no_templates_refuses_none(any_site: Site) -> None:
    """With an empty catalog, and for a section's latest, the workers decide."""
    numbered = request_poster(make_testimonial(), template_id="testimonial@7")
    add_version(1, active_from=LONG_AGO, is_active=True)
    PosterTemplate.objects.update(section="another")
    latest = request_poster(make_testimonial())

    assert (numbered.template_id, latest.template_id) == ("testimonial@7", "testimonial_latest")
