"""Poster.replay() and Poster.row."""

import uuid
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django_posters.models import OutboxEvent, Poster
from django_posters.testing import capture_posters
from testimonials import models

import schemas.codec
from django_posters import RequestError, request_poster, request_posters
from django_tests.requests.test_last_picture import OLD, finish
from django_tests.site import NAME, Site, make_testimonial
from schemas.envelope import fact_id
from schemas.requests import BatchRequested, PosterRequested


def only_event(kind: Any) -> tuple[Any, dict[str, str]]:
    """Return the newest event of the outbox as the workers read it, and its headers."""
    event = OutboxEvent.objects.order_by("-pk")[0]
    return schemas.codec.decode(bytes(event.value), kind), event.headers


def test_replay_requests_the_next_generation(any_site: Site) -> None:
    """The request has the job, the pinned version and the options of the poster, the row's data, and the generation."""
    row = make_testimonial()
    poster = request_poster(row, metadata={"user_id": 7}, strict=True)
    finish(poster, url=OLD, template_version=3)
    poster.refresh_from_db()
    models.Testimonial.objects.update(author="Ada")

    poster.replay()

    request, headers = only_event(PosterRequested)
    assert (request.job_id, request.template_id, request.source) == (poster.job_id, "testimonial@3", NAME)
    assert (request.metadata, request.strict, request.custom_data["author"]) == ({"user_id": 7}, True, "Ada")
    assert request.event_id == fact_id("replay", poster.job_id, 0, 1)
    assert (headers["replay.generation"], headers["replay.of"]) == ("1", f"{poster.job_id}/0")
    assert (poster.status, poster.url, poster.shows_earlier) == ("queued", OLD, True)


def test_failed_replay_keeps_the_picture(any_site: Site) -> None:
    """The outcome of the next generation counts, those of the one before no longer, and a failure keeps the picture."""
    poster = request_poster(make_testimonial())
    finish(poster, url=OLD)
    poster.refresh_from_db()
    poster.replay()

    finish(poster, url="https://cdn.test/again.png", generation=0)
    finish(poster, "failed", generation=1)

    poster.refresh_from_db()
    assert (poster.status, poster.url, poster.generation) == ("failed", OLD, 1)
    poster.replay()
    finish(poster, url="https://cdn.test/2.png", generation=2)
    poster.refresh_from_db()
    assert (poster.status, poster.url, poster.shows_earlier) == ("completed", "https://cdn.test/2.png", False)


def test_replay_of_one_of_a_batch_names_its_place(any_site: Site) -> None:
    """Only this poster of the batch is requested, at its index of the whole."""
    for author in ("Ada", "Maya", "Zoë"):
        make_testimonial(author=author)
    job = request_posters(models.Testimonial.objects.order_by("pk"))
    second = job.posters.get(poster_index=1)
    finish(second)
    second.refresh_from_db()

    async_to_sync(second.areplay)()

    request, headers = only_event(BatchRequested)
    assert (request.job_id, request.first_index, request.total, len(request.posters)) == (job.pk, 1, 3, 1)
    assert schemas.codec.decode_poster(request.posters[0]).custom_data["author"] == "Maya"
    assert headers["replay.of"] == f"{job.pk}/1"


def test_test_helper_ends_a_replay(any_site: Site) -> None:
    """capture_posters() gives the replayed poster, and its result is that of the new generation."""
    poster = request_poster(make_testimonial())
    finish(poster)
    poster.refresh_from_db()
    with capture_posters() as posters:
        poster.replay()

    posters[0].succeed(url="https://cdn.test/new.png")

    poster.refresh_from_db()
    assert (poster.status, poster.url, poster.generation) == ("completed", "https://cdn.test/new.png", 1)


def test_what_cannot_be_replayed_is_refused(any_site: Site) -> None:
    """An unfinished poster and that of a deleted row are errors, and nothing is written."""
    row = make_testimonial()
    poster = request_poster(row)
    count = OutboxEvent.objects.count()

    with pytest.raises(RequestError, match="is not finished"):
        poster.replay()
    finish(poster)
    poster.refresh_from_db()
    row.delete()
    with pytest.raises(RequestError, match="was deleted; nothing was requested"):
        poster.replay()

    assert OutboxEvent.objects.count() == count


def test_poster_leads_to_its_row(any_site: Site) -> None:
    """`poster.row` is the row as it is now, None where it or its model is gone."""
    row = make_testimonial()
    poster = request_poster(row)

    found = poster.row
    row.delete()

    assert (found, poster.row) == (models.Testimonial(pk=found.pk if found else None), None)
    assert Poster(pk=uuid.uuid4(), owner_model="shop.gone", entity_id="1").row is None
