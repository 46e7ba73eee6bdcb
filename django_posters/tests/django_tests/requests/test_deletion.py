"""ERASE_ON_DELETE: the posters of a deleted row are erased."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db.models.signals import pre_delete
from django.test import override_settings
from django_posters.models import OutboxEvent, Poster
from testimonials import models

import schemas.codec
from django_posters import request_poster
from django_tests.requests.test_last_picture import finish
from django_tests.site import NAME, Site, make_testimonial
from schemas.requests import PosterEraseRequested

POSTERS: dict[str, Any] = {"SITE": NAME, "BOOTSTRAP_SERVERS": "a:1", "ERASE_ON_DELETE": True}


@pytest.fixture
def erasing() -> Iterator[None]:
    """The setting is on."""
    with override_settings(POSTERS=POSTERS):
        yield


@pytest.mark.parametrize("by", ["row", "queryset"])
def test_deleted_row_takes_its_pictures_with_it(any_site: Site, erasing: None, by: str) -> None:
    """Every poster that the row ever had is erased, whether the row or a queryset is deleted."""
    row = make_testimonial()
    posters = [request_poster(row, reuse=False) for _ in range(2)]
    finish(posters[0])
    OutboxEvent.objects.all().delete()

    if by == "row":
        row.delete()
    else:
        models.Testimonial.objects.all().delete()

    orders = [schemas.codec.decode(bytes(event.value), PosterEraseRequested) for event in OutboxEvent.objects.all()]
    assert sorted(order.job_id or "" for order in orders) == sorted(poster.job_id for poster in posters)
    assert set(Poster.objects.values_list("url", flat=True)) == {""}


def test_without_the_setting_nothing_is_erased_or_connected(any_site: Site) -> None:
    """By default a deleted row leaves its posters, and Django may delete rows without reading them."""
    row = make_testimonial()
    finish(request_poster(row))

    row.delete()

    assert Poster.objects.exclude(url="").count() == 1
    assert not pre_delete.has_listeners(models.Testimonial)
