"""cancel_job(): what is left of a job is not made."""

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
    """What a test ends a transaction with."""


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


def test_cancel_is_asked_for_once(any_site: Site) -> None:
    """A job that is cancelled already, or finished, is left alone, and nothing is sent."""
    cancelled, finished = request_poster(make_testimonial()).job, request_poster(make_testimonial()).job
    cancel_job(cancelled)
    apply_job(decode(job_event(finished.pk, 1, "completed", total_count=1, success_count=1), JobEvent))
    before = OutboxEvent.objects.count()

    assert not cancel_job(Job.objects.get(pk=cancelled.pk))
    assert not cancel_job(finished)
    assert OutboxEvent.objects.count() == before


def test_cancel_that_is_rolled_back_was_never_asked_for(plain_site: Site) -> None:
    """With its transaction the cancel goes too."""
    job = request_poster(make_testimonial()).job
    with contextlib.suppress(_RolledBackError), transaction.atomic():
        cancel_job(job)
        raise _RolledBackError

    assert OutboxEvent.objects.count() == 1
    assert Job.objects.get().cancel_requested_at is None


def test_row_of_a_cancelled_job_can_ask_again(any_site: Site) -> None:
    """A poster that will be cancelled is no answer to a new request, alone and in a batch."""
    testimonial = make_testimonial()
    first = request_poster(testimonial)
    cancel_job(first.job)

    second = request_poster(testimonial)
    cancel_job(second.job)
    batch = request_posters(models.Testimonial.objects.all())

    assert first != second
    assert batch.total_count == 1


def test_cancelled_outcome_ends_the_poster(plain_site: Site) -> None:
    """The workers' answer is the poster's status; what was made before stays as it is."""
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
    """Anything else is an error that says what to pass."""
    with pytest.raises(RequestError, match=r"takes a Job, not a \w+; pass `poster.job`"):
        cancel_job(wrong)


def test_bad_reason_is_refused(plain_site: Site) -> None:
    """A reason that the workers would refuse is an error at once, and nothing is written."""
    job = request_poster(make_testimonial()).job

    with pytest.raises(RequestError, match="cannot be cancelled"):
        cancel_job(job, reason="a\0b")

    assert OutboxEvent.objects.count() == 1


def test_placeholders_cannot_be_cancelled(plain_site: Site) -> None:
    """Without a broker there is nothing to send: a job is finished as soon as it is committed."""
    with override_settings(POSTERS={"SITE": "shop", "BACKEND": "placeholder"}):
        job = request_poster(make_testimonial()).job

        assert not cancel_job(job)

    assert not OutboxEvent.objects.exists()


def test_cancel_from_async_code(plain_site: Site) -> None:
    """acancel_job() does what cancel_job() does."""
    job = request_poster(make_testimonial()).job

    assert async_to_sync(acancel_job)(job)

    assert OutboxEvent.objects.count() == 2
