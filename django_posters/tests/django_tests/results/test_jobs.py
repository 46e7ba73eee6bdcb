"""job-events, applied in this process: the highest revision wins, and job_finished is sent once."""

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.models import Job
from django_posters.results.outcomes import apply_job, apply_outcome
from testimonials import models

from django_posters import job_finished, request_poster, request_posters
from django_tests.outcomes import NOW, job_event, outcome
from django_tests.site import Site, make_testimonial


def take(value: bytes) -> None:
    """Apply a job-event as the consumer does."""
    apply_job(decode(value, JobEvent))


def take_outcome(job_id: str, index: int) -> None:
    apply_outcome(decode(outcome(job_id, poster_index=index), PosterOutcome))


@pytest.fixture
def heard() -> Iterator[list[tuple[object, Job]]]:
    """The received job_finished signals."""
    told: list[tuple[object, Job]] = []

    def hear(sender: object, job: Job, **_: Any) -> None:
        told.append((sender, job))

    job_finished.connect(hear)
    yield told
    job_finished.disconnect(hear)


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_highest_revision_counts(any_site: Site, order: tuple[int, ...]) -> None:
    """The counts of the highest revision win, in whatever order and however often they arrive."""
    job = Job.objects.get(pk=request_poster(make_testimonial()).job_id)

    for revision in (*order, *order):
        take(job_event(job.pk, revision, success_count=revision, failure_count=1))

    job.refresh_from_db()
    assert (job.revision, job.success_count, job.failure_count, job.finished_count) == (3, 3, 1, 4)
    assert (job.status, job.is_finished, job.total_count) == ("processing", False, 4)


@pytest.mark.parametrize("first", ["job", "posters"])
def test_job_finished_is_sent_after_all_posters(any_site: Site, heard: list[tuple[object, Job]], first: str) -> None:
    """job_finished is sent when the job and all of its posters are finished, whichever topic is read first."""
    for number in range(2):
        make_testimonial(author=f"Author {number}")
    job = request_posters(models.Testimonial.objects.all())
    completed = job_event(job.pk, 5, "completed", total_count=2, success_count=2)

    if first == "job":
        take(completed)
    take_outcome(job.pk, 0)
    before = list(heard)
    take_outcome(job.pk, 1)
    if first == "posters":
        take(completed)
    for _ in range(2):
        take(completed)
        take_outcome(job.pk, 1)

    assert before == []
    assert heard == [(models.Testimonial, job)]
    job.refresh_from_db()
    assert (job.status, job.finished_at, job.announced) == ("completed", NOW, True)


def test_replay_sends_the_signal_again(any_site: Site, heard: list[tuple[object, Job]]) -> None:
    """A job whose posters are replayed is unfinished again, and job_finished is sent again at its end."""
    poster = request_poster(make_testimonial())
    take_outcome(poster.job_id, 0)
    take(job_event(poster.job_id, 1, "failed", total_count=1, failure_count=1))
    take(job_event(poster.job_id, 2, total_count=1))
    reopened = Job.objects.get()
    take(job_event(poster.job_id, 3, "completed", total_count=1, success_count=1))

    assert (reopened.status, reopened.finished_at) == ("processing", None)
    assert len(heard) == 2


def test_end_survives_a_kill(any_site: Site, heard: list[tuple[object, Job]], monkeypatch: pytest.MonkeyPatch) -> None:
    """A process killed between the commit and the signal leaves the signal to the redelivered event."""
    poster = request_poster(make_testimonial())
    take_outcome(poster.job_id, 0)
    completed = job_event(poster.job_id, 1, "completed", total_count=1, success_count=1)

    def killed(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(job_finished, "send_robust", killed)
        with pytest.raises(KeyboardInterrupt):
            take(completed)
    take(completed)
    take(completed)

    assert len(heard) == 1


def test_unknown_job_is_left_alone(any_site: Site) -> None:
    """Counts of a job whose row was deleted change nothing."""
    take(job_event("template_gen_deleted", 1, "completed"))

    assert not Job.objects.exists()
