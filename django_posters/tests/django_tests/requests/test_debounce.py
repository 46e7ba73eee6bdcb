"""DEBOUNCE: several saves in a row make one poster."""

from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.test import override_settings
from django.utils import timezone
from django_posters.conf import get_settings
from django_posters.models import OutboxEvent, Poster
from django_posters.outbox.store import claim_events
from django_posters.testing import capture_posters
from testimonials import models

import schemas.codec
from django_posters import cancel_job, request_poster
from django_tests.requests.test_last_picture import together
from django_tests.site import Site, make_testimonial
from schemas.requests import PosterRequested

FIELD: Any = models.Testimonial._meta.get_field("poster")


@pytest.fixture(autouse=True)
def debounced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Requests of testimonials wait for a minute."""
    monkeypatch.setattr(FIELD, "debounce", 60)


def due() -> list[OutboxEvent]:
    """Return the events that a relay would publish now."""
    with claim_events(10) as events:
        return events


def test_four_saves_make_one_poster(any_site: Site) -> None:
    """The request that waits gets the newest data, and its time is extended; the relay leaves it until then."""
    row = make_testimonial()
    with capture_posters() as posters:
        requested = []
        for number in range(4):
            row.author = f"Author {number}"
            row.save()
            requested.append(request_poster(row, metadata={"number": number}))

    [event], [captured] = OutboxEvent.objects.all(), posters
    request = schemas.codec.decode(bytes(event.value), PosterRequested)
    assert len({poster.pk for poster in requested}) == Poster.objects.count() == 1
    assert request.custom_data["author"] == captured.custom_data["author"] == "Author 3"
    assert (request.job_id, captured.metadata) == (requested[0].job_id, {"number": 3})
    assert captured.poster.job.metadata == {"number": 3}
    assert event.due_at is not None
    assert event.due_at > timezone.now() + timedelta(seconds=50)
    assert due() == []


def test_concurrent_saves_make_one_poster(any_site: Site) -> None:
    """Requests at the same time wait for the row, and take each other's place; what is sent is what the poster has."""
    pk = make_testimonial().pk

    def save(number: int) -> None:
        row = models.Testimonial.objects.get(pk=pk)
        row.author = f"Author {number}"
        row.save()
        request_poster(row, metadata={"author": row.author})

    together(*[partial(save, number) for number in range(4)])

    [event], [poster] = OutboxEvent.objects.all(), Poster.objects.all()
    request = schemas.codec.decode(bytes(event.value), PosterRequested)
    assert {"author": request.custom_data["author"]} == request.metadata == poster.metadata


def test_relay_publishes_it_when_it_is_due(any_site: Site) -> None:
    """After its time the event is published like any other; a request that comes then makes a new poster."""
    row = make_testimonial()
    first = request_poster(row)
    OutboxEvent.objects.update(due_at=timezone.now())

    assert [event.key for event in due()] == [first.job_id]
    assert request_poster(row, reuse=False) != first


def test_later_events_of_the_job_wait_for_it(any_site: Site) -> None:
    """A cancellation is not published before the request, and what is cancelled is not requested again."""
    row = make_testimonial()
    first = request_poster(row)
    cancel_job(first.job)

    assert due() == []
    assert request_poster(row) != first


def test_row_that_is_saved_without_an_end_gets_its_poster(plain_site: Site) -> None:
    """The time is extended up to ten times the debounce after the first request, and no further."""
    row = make_testimonial()
    poster = request_poster(row)
    Poster.objects.update(requested_at=timezone.now() - timedelta(minutes=20))
    before = OutboxEvent.objects.get().due_at

    assert request_poster(row, reuse=False) == poster

    assert OutboxEvent.objects.get().due_at == before


def test_setting_is_the_default_of_fields(plain_site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """POSTERS["DEBOUNCE"] holds for fields without their own, and 0 switches it off for one."""
    monkeypatch.setattr(FIELD, "debounce", None)
    with override_settings(POSTERS={"SITE": "shop", "BOOTSTRAP_SERVERS": "a:1", "DEBOUNCE": timedelta(seconds=5)}):
        request_poster(make_testimonial())
        monkeypatch.setattr(FIELD, "debounce", 0)
        request_poster(make_testimonial())

    waiting, at_once = OutboxEvent.objects.order_by("pk")
    assert get_settings().debounce == timedelta(0)
    assert (waiting.due_at is None, at_once.due_at) == (False, None)
