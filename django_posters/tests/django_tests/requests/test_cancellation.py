"""cancel_job(): cancellation of the unfinished posters of a job."""

import contextlib
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import transaction
from django.test import override_settings
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.contract.topics import POSTER_REQUESTS
from django_posters.models import Job, OutboxEvent
from django_posters.results.outcomes import apply_job, apply_outcome
from testimonials import models

import schemas.codec
from django_posters import RequestError, acancel_job, cancel_job, request_poster, request_posters
from django_tests.outcomes import job_event, outcome
from django_tests.site import NAME, Site, make_testimonial
from schemas.requests import JobCancelRequested


class _RolledBackError(Exception):
    """Raised to roll back a transaction."""


def test_cancel_follows_its_request(plain_site: Site) -> None:
    """The bytes after the job's request are a job.cancel_requested, under the same key, with the reason."""
    job = request_poster(make_testimonial()).job

    asked = cancel_job(job, reason="sold out")

    requested, cancel = OutboxEvent.objects.order_by("pk")
    event = schemas.codec.decode(bytes(cancel.value), JobCancelRequested)
    assert asked
    assert (event.job_id, event.reason, event.source) == (job.pk, "sold out", NAME)
    assert (cancel.topic, cancel.key) == (POSTER_REQUESTS, requested.key)
    assert job.cancel_requested_at is not None
    assert Job.objects.get().cancel_requested_at == job.cancel_requested_at


def test_cancellation_is_requested_once(any_site: Site) -> None:
    """For a job that is cancelled or finished nothing is sent."""
    cancelled, finished = request_poster(make_testimonial()).job, request_poster(make_testimonial()).job
    cancel_job(cancelled)
    apply_job(decode(job_event(finished.pk, 1, "completed", total_count=1, success_count=1), JobEvent))
    before = OutboxEvent.objects.count()

    assert not cancel_job(Job.objects.get(pk=cancelled.pk))
    assert not cancel_job(finished)
    assert OutboxEvent.objects.count() == before


def test_rollback_removes_the_cancellation(plain_site: Site) -> None:
    """A rollback removes the cancellation."""
    job = request_poster(make_testimonial()).job
    with contextlib.suppress(_RolledBackError), transaction.atomic():
        cancel_job(job)
        raise _RolledBackError

    assert OutboxEvent.objects.count() == 1
    assert Job.objects.get().cancel_requested_at is None


def test_row_of_a_cancelled_job_can_ask_again(any_site: Site) -> None:
    """A poster with a pending cancellation is not reused, by a single request or a batch."""
    testimonial = make_testimonial()
    first = request_poster(testimonial)
    cancel_job(first.job)

    second = request_poster(testimonial)
    cancel_job(second.job)
    batch = request_posters(models.Testimonial.objects.all())

    assert first != second
    assert batch.total_count == 1


def test_cancelled_outcome_ends_the_poster(plain_site: Site) -> None:
    """The workers' outcome becomes the poster's status; finished posters do not change."""
    made, left = request_poster(make_testimonial()), request_poster(make_testimonial())
    apply_outcome(decode(outcome(made.job_id), PosterOutcome))
    cancel_job(left.job)

    for poster in (made, left):
        apply_outcome(decode(outcome(poster.job_id, "cancelled"), PosterOutcome))

    made.refresh_from_db()
    left.refresh_from_db()
    assert (made.status, left.status) == ("completed", "cancelled")


@pytest.mark.parametrize("wrong", ["template_gen_1", None, 5])
def test_only_jobs_can_be_cancelled(plain_site: Site, wrong: Any) -> None:
    """Any other argument is an error that says what to pass."""
    with pytest.raises(RequestError, match=r"takes a Job, not a \w+; pass `poster.job`"):
        cancel_job(wrong)


def test_bad_reason_is_refused(plain_site: Site) -> None:
    """A reason that the workers would reject is an error, and nothing is written."""
    job = request_poster(make_testimonial()).job

    with pytest.raises(RequestError, match="cannot be cancelled"):
        cancel_job(job, reason="a\0b")

    assert OutboxEvent.objects.count() == 1


def test_placeholders_cannot_be_cancelled(plain_site: Site) -> None:
    """The placeholder backend sends nothing: a job is finished at its commit."""
    with override_settings(POSTERS={"SITE": "shop", "BACKEND": "placeholder"}):
        job = request_poster(make_testimonial()).job

        assert not cancel_job(job)

    assert not OutboxEvent.objects.exists()


def test_cancel_from_async_code(plain_site: Site) -> None:
    """acancel_job() has the effect of cancel_job()."""
    job = request_poster(make_testimonial()).job

    assert async_to_sync(acancel_job)(job)

    assert OutboxEvent.objects.count() == 2
