"""reconcile_posters: posters and jobs whose outcome never arrived get one."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_posters.models import Job, OutboxEvent, Poster
from django_posters.requests.reconciliation import reconcile
from django_posters.testing import CapturedPoster, capture_posters
from testimonials import models

import schemas.codec
from django_posters import cancel_job, job_finished, poster_finished, request_poster, request_posters
from django_tests.outcomes import outcome
from django_tests.requests.test_last_picture import finish
from django_tests.site import Site, make_testimonial
from schemas.envelope import Envelope, fact_id
from schemas.requests import PosterRequested

DAY = timedelta(days=1)


def age(*, days: int = 2) -> None:
    """Make every request so old that its outcome should be there, and publish the outbox."""
    at = timezone.now() - timedelta(days=days)
    Poster.objects.filter(asked_again_at=None).update(requested_at=at)
    Poster.objects.exclude(asked_again_at=None).update(asked_again_at=at)
    Job.objects.update(requested_at=at)
    OutboxEvent.objects.all().delete()


def events() -> list[Envelope]:
    return [schemas.codec.decode(bytes(event.value), Envelope) for event in OutboxEvent.objects.order_by("pk")]


def test_lost_poster_is_asked_for_under_its_job(any_site: Site) -> None:
    """The same request is sent again, with the same ids, and the outcome that follows is applied."""
    row = make_testimonial()
    poster = request_poster(row, metadata={"user_id": 7}, output={"width": 600})
    age()

    steps = reconcile(DAY)

    [request] = [schemas.codec.decode(bytes(event.value), PosterRequested) for event in OutboxEvent.objects.all()]
    assert dict(steps) == {"asked_again": 1}
    assert (request.job_id, request.event_id) == (poster.job_id, fact_id("poster.requested", poster.job_id))
    assert (request.custom_data, request.metadata, request.output) == (
        row.poster_data(),
        {"user_id": 7},
        {"width": 600},
    )
    finish(poster)
    assert models.Testimonial.objects.get().poster.status == "completed"  # type: ignore[union-attr]


def test_second_time_it_is_replaced(any_site: Site) -> None:
    """Without an answer for as long again, the row gets a new poster, and the lost one fails with `no_outcome`."""
    row = make_testimonial()
    lost = request_poster(row)
    age()
    reconcile(DAY)
    waiting = reconcile(DAY)
    age()

    steps = reconcile(DAY)

    lost.refresh_from_db()
    row.refresh_from_db()
    assert dict(waiting) == {}
    assert dict(steps) == {"requested_anew": 1, "jobs_settled": 1}
    assert (lost.status, lost.error_code) == ("failed", "no_outcome")
    assert row.poster is not None
    assert row.poster.status == "queued"
    assert row.poster != lost


@pytest.mark.parametrize("how", ["changed", "batch"])
def test_changed_row_and_batch_are_requested_anew(any_site: Site, how: str) -> None:
    """The same job cannot have other data, and the parts of a batch are not known any more: there is a new job."""
    row = make_testimonial()
    make_testimonial(author="Other")
    lost = request_poster(row)
    if how == "changed":
        models.Testimonial.objects.filter(pk=row.pk).update(author="Ada")
    else:
        lost = request_posters(models.Testimonial.objects.all(), reuse=False).posters.get(entity_id=str(row.pk))
    age()

    steps = reconcile(DAY)

    row.refresh_from_db()
    assert steps["requested_anew"] == (1 if how == "changed" else 2)
    assert row.poster_id != lost.pk
    assert {event.job_id for event in events() if isinstance(event, PosterRequested)} >= {row.poster.job_id}  # type: ignore[union-attr]


def test_poster_that_nobody_needs_is_given_up(any_site: Site) -> None:
    """The poster of a deleted row, and one that a newer poster replaced, fail; nothing is requested."""
    gone, row = make_testimonial(), make_testimonial(author="Ada")
    request_poster(gone)
    request_poster(row)
    finish(request_poster(row, reuse=False))
    gone.delete()
    age()

    steps = reconcile(DAY)

    assert steps["given_up"] == 2
    assert set(Poster.objects.values_list("status", flat=True)) == {"failed", "completed"}
    assert events() == []


def test_cancelled_job_ends(any_site: Site) -> None:
    """What was to be cancelled ends as cancelled, and its job with it."""
    poster = request_poster(make_testimonial())
    cancel_job(poster.job)
    age()

    steps = reconcile(DAY)

    job = Job.objects.get()
    assert dict(steps) == {"cancelled": 1, "jobs_settled": 1}
    assert (job.status, job.cancelled_count, job.posters.get().status) == ("cancelled", 1, "cancelled")


def test_request_in_the_outbox_is_the_relays(any_site: Site) -> None:
    """A request that is not published yet is only counted; one that the broker refuses fails with its reason."""
    waiting, refused = request_poster(make_testimonial()), request_poster(make_testimonial(author="Ada"))
    OutboxEvent.objects.filter(key=refused.job_id).update(refused="too large")
    Poster.objects.update(requested_at=timezone.now() - 2 * DAY)

    steps = reconcile(DAY)

    waiting.refresh_from_db()
    refused.refresh_from_db()
    assert (steps["in_outbox"], steps["given_up"]) == (1, 1)
    assert (waiting.status, refused.status) == ("queued", "failed")
    assert "too large" in refused.error_message


def test_job_whose_event_was_lost_gets_the_counts_of_its_posters(any_site: Site) -> None:
    """job_finished is sent for it; a job event that arrives later still counts."""
    told: list[tuple[str, int, int]] = []

    def hear(job: Job, **_: Any) -> None:
        told.append((job.status, job.success_count, job.failure_count))

    for author in ("Ada", "Maya"):
        make_testimonial(author=author)
    job = request_posters(models.Testimonial.objects.all())
    for poster, status in zip(job.posters.all(), ("completed", "failed"), strict=True):
        finish(poster, status)
    age()
    job_finished.connect(hear)
    try:
        steps = reconcile(DAY)
    finally:
        job_finished.disconnect(hear)

    job.refresh_from_db()
    assert (dict(steps), told) == ({"jobs_settled": 1}, [("completed", 1, 1)])
    assert (job.is_finished, job.revision) == (True, 0)


def test_outcome_that_arrives_after_all_counts(any_site: Site) -> None:
    """A poster that was given up is completed by its real outcome, and receivers hear of both."""
    told: list[str] = []

    def hear(poster: Poster, **_: Any) -> None:
        told.append(poster.status)

    row = make_testimonial()
    lost = request_poster(row)
    request_poster(row, reuse=False)
    age()
    poster_finished.connect(hear)
    try:
        reconcile(DAY)
        finish(lost)
    finally:
        poster_finished.disconnect(hear)

    lost.refresh_from_db()
    assert (lost.status, lost.error_code) == ("completed", "")
    assert told == ["failed", "completed"]


def test_young_and_finished_posters_are_left_alone(any_site: Site) -> None:
    """Nothing happens to what may still be on its way, and a dry run changes nothing at all."""
    request_poster(make_testimonial())
    OutboxEvent.objects.all().delete()
    young = reconcile(DAY)
    age()

    dry = reconcile(DAY, dry_run=True)

    assert (dict(young), dict(dry)) == ({}, {"asked_again": 1})
    assert events() == []


def test_lost_batch_of_many_is_healed(plain_site: Site) -> None:
    """More posters than are read at once are each requested anew."""
    models.Testimonial.objects.bulk_create(
        models.Testimonial(author=f"Author {number}", quote="…", rating=1) for number in range(30)
    )
    request_posters(models.Testimonial.objects.all())
    age()

    with capture_posters() as posters:
        steps = reconcile(DAY)
    for captured in posters:
        captured.succeed()

    assert steps["requested_anew"] == 30
    assert models.Testimonial.objects.filter(poster__status="completed").count() == 30


def test_command_reconciles_and_reports(any_site: Site) -> None:
    """`manage.py reconcile_posters` prints what it did, and an age that is none is refused."""
    nothing = any_site.run("reconcile_posters").stdout
    request_poster(make_testimonial())
    age()
    dry = any_site.run("reconcile_posters", "--older-than", "12h", "--dry-run").stdout
    done = any_site.run("reconcile_posters").stdout
    refused = any_site.run("reconcile_posters", "--older-than", "soon", check=False)

    assert "every poster has an outcome" in nothing
    assert "1 posters were asked for again" in dry
    assert "nothing was changed" in dry
    assert "1 posters were asked for again" in done
    assert OutboxEvent.objects.count() == 1
    assert (refused.returncode != 0, "write it as 90d, 12h or 30m" in refused.stderr) == (True, True)
    assert outcome(Poster.objects.get().job_id)
    assert CapturedPoster(Poster.objects.get(), {}).succeed().status == "completed"
