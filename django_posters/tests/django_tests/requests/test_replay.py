"""Poster.replay(), Job.replay() and Poster.row."""

import uuid
from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.test import override_settings
from django.utils import timezone
from django_posters.models import Job, OutboxEvent, Poster
from django_posters.requests.reconciliation import reconcile
from django_posters.testing import capture_posters
from testimonials import models

import schemas.codec
from django_posters import RequestError, cancel_job, request_poster, request_posters
from django_tests.requests.test_last_picture import OLD, finish
from django_tests.site import NAME, Site, make_testimonial
from schemas.requests import JobReplayRequested


def newest_replay() -> tuple[JobReplayRequested, OutboxEvent]:
    """Return the newest event of the outbox as the workers read it, and its row."""
    event = OutboxEvent.objects.order_by("-pk")[0]
    return schemas.codec.decode(bytes(event.value), JobReplayRequested), event


def finished(**fields: object) -> Poster:
    """Return a completed poster."""
    finish(poster := request_poster(make_testimonial()), **fields)
    poster.refresh_from_db()
    return poster


def batch_of_three() -> Job:
    """Return a job whose first poster completed, whose second failed, and whose third is unfinished."""
    for author in ("Ada", "Maya", "Zoë"):
        make_testimonial(author=author)
    job = request_posters(models.Testimonial.objects.order_by("pk"))
    finish(job.posters.get(poster_index=0), url=OLD)
    finish(job.posters.get(poster_index=1), "failed")
    return job


def states(job: Job) -> list[tuple[str, int]]:
    """Return status and generation of each poster of a job."""
    return list(job.posters.order_by("poster_index").values_list("status", "generation"))


def test_replay_is_an_event_of_its_job(any_site: Site) -> None:
    """The event names job and source and no generation, and the row's data of now is not sent."""
    poster = finished(url=OLD)
    digest = poster.digest
    models.Testimonial.objects.update(author="Ada")

    poster.replay()

    request, event = newest_replay()
    assert (request.job_id, request.source, request.failed_only, request.poster_index) == (
        poster.job_id,
        NAME,
        False,
        0,
    )
    assert (event.topic, event.key) == ("poster-requests", poster.job_id)
    assert set(event.headers) == {"content-type", "type", "job", "traceparent"}
    assert (poster.status, poster.url, poster.shows_earlier, poster.digest) == ("queued", OLD, True, digest)
    assert (poster.job.status, poster.job.finished_at) == ("queued", None)


def test_failed_replay_keeps_the_picture(any_site: Site) -> None:
    """The outcome of the next generation counts, those of the one before no longer, and a failure keeps the picture."""
    poster = finished(url=OLD)
    poster.replay()

    finish(poster, url="https://cdn.test/again.png", generation=0)
    finish(poster, "failed", generation=1)

    poster.refresh_from_db()
    assert (poster.status, poster.url, poster.generation) == ("failed", OLD, 1)
    poster.replay()
    assert poster.error_code == ""
    finish(poster, url="https://cdn.test/2.png", generation=2)
    poster.refresh_from_db()
    assert (poster.status, poster.url, poster.shows_earlier) == ("completed", "https://cdn.test/2.png", False)


def test_whatever_generation_the_workers_choose_counts(any_site: Site) -> None:
    """One above that of the site, because an operator replayed the job too, or the one that was given up before."""
    poster = finished(url=OLD)
    poster.replay()
    finish(poster, url="https://cdn.test/5.png", generation=5)
    poster.refresh_from_db()
    assert (poster.status, poster.url, poster.generation) == ("completed", "https://cdn.test/5.png", 5)

    poster.replay()
    Poster.objects.update(status="failed", error_code="no_outcome")
    poster.refresh_from_db()
    poster.replay()
    finish(poster, url="https://cdn.test/6.png", generation=6)

    poster.refresh_from_db()
    assert (poster.status, poster.url, poster.generation) == ("completed", "https://cdn.test/6.png", 6)


def test_job_is_replayed_as_a_whole_or_where_it_failed(any_site: Site) -> None:
    """Finished posters are queued again, with `failed_only` those that failed, and unfinished ones are left alone."""
    job = batch_of_three()

    assert job.replay(failed_only=True) == 1
    assert newest_replay()[0].failed_only is True
    assert states(job) == [("completed", 0), ("queued", 1), ("queued", 0)]
    finish(job.posters.get(poster_index=1), generation=1)

    assert async_to_sync(job.areplay)() == 2
    assert newest_replay()[0].failed_only is False
    assert states(job) == [("queued", 1), ("queued", 2), ("queued", 0)]
    assert job.replay() == 0


def test_one_poster_of_a_batch_is_replayed_alone(any_site: Site) -> None:
    """The event names its index, and the others keep their outcomes."""
    job = batch_of_three()

    job.posters.get(poster_index=1).replay()

    request, _ = newest_replay()
    assert (request.job_id, request.poster_index, request.failed_only) == (job.job_id, 1, False)
    assert states(job) == [("completed", 0), ("queued", 1), ("queued", 0)]


def test_replayed_job_can_be_cancelled_again(any_site: Site) -> None:
    """A cancellation covers the generations before the replay only."""
    poster = finished()
    Job.objects.update(status="cancelled", cancel_requested_at=timezone.now())
    poster.refresh_from_db()

    poster.replay()

    assert poster.is_usable
    assert cancel_job(poster.job)


def test_replay_without_an_outcome_is_healed_a_day_later(any_site: Site) -> None:
    """reconcile_posters waits from the replay on, not from the first request, and then requests a new poster."""
    poster = finished(url=OLD)
    Poster.objects.update(requested_at=timezone.now() - timedelta(days=30))
    poster.replay()
    OutboxEvent.objects.all().delete()

    assert reconcile(timedelta(days=1)) == {}
    assert reconcile(timedelta(0))["requested_anew"] == 1

    poster.refresh_from_db()
    assert (poster.status, poster.error_code, poster.url) == ("failed", "no_outcome", OLD)


def test_test_helper_ends_a_replay(any_site: Site) -> None:
    """capture_posters() gives the replayed poster, and its result is that of the new generation."""
    poster = finished()
    with capture_posters() as posters:
        poster.replay()

    posters[0].succeed(url="https://cdn.test/new.png")

    poster.refresh_from_db()
    assert (len(posters), posters[0].custom_data) == (1, {})
    assert (poster.status, poster.url, poster.generation) == ("completed", "https://cdn.test/new.png", 1)


def test_placeholder_backend_completes_a_replay(any_site: Site) -> None:
    """Its picture is a placeholder again, and the job is finished."""
    with override_settings(POSTERS={**settings.POSTERS, "BACKEND": "placeholder"}):
        poster = request_poster(make_testimonial())
        poster.refresh_from_db()

        poster.replay()

        poster.refresh_from_db()
        assert (poster.status, poster.generation, poster.job.status) == ("completed", 1, "completed")
        assert poster.url.startswith("data:image/svg+xml,")


def test_what_cannot_be_replayed_is_refused(any_site: Site) -> None:
    """An unfinished or erased poster and that of a deleted row are errors, and nothing is written."""
    row = make_testimonial()
    poster = request_poster(row)
    count = OutboxEvent.objects.count()

    with pytest.raises(RequestError, match="is not finished"):
        poster.replay()
    finish(poster, "erased")
    poster.refresh_from_db()
    with pytest.raises(RequestError, match="was erased; request its row with `reuse=False`"):
        poster.replay()
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
