"""Apply outcomes and job counts idempotently: duplicates, redeliveries and reordering change nothing.

Signals are sent after the rows are written, and `announced` marks a row whose signal was sent: at-least-once.
"""

from functools import partial
from typing import Any

from django.db import models, transaction
from django.db.models import Case, Exists, OuterRef, Q, Value, When

from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.database import database_alias
from django_posters.models import FINISHED, Job, Poster, Status
from django_posters.owners import owner_model
from django_posters.signals import job_finished, poster_erased, poster_finished

_UNFINISHED = (Status.QUEUED, Status.PROCESSING)


def apply_outcome(outcome: PosterOutcome) -> None:
    """Write the outcome into its poster's row and then send `poster_finished`.

    The first outcome of a generation wins, and a later generation replaces an earlier one; any other outcome is
    ignored. The signal is sent again where the process died before it was recorded as sent.
    """
    posters = Poster.objects.using(database_alias()).filter(job_id=outcome.job_id, poster_index=outcome.poster_index)
    if outcome.status == "erased":
        _apply_erased(posters, outcome.generation)
        return
    same_generation = Q(generation=outcome.generation, status__in=_UNFINISHED)
    posters.filter(Q(generation__lt=outcome.generation) | same_generation).update(**_columns(outcome))
    poster = posters.filter(announced=False, status__in=FINISHED).first()
    if poster is not None:
        # send_robust() logs the exceptions of receivers.
        poster_finished.send_robust(sender=_owner_model(poster), poster=poster)
        posters.filter(generation=poster.generation).update(announced=True)
    _announce_job(outcome.job_id)


def apply_job(event: JobEvent) -> None:
    """Write the counts into the job's row, unless the row has the same or a later revision.

    `job_finished` is sent once the job and all of its posters are finished, in whichever order those events arrive.
    """
    finished = event.status in FINISHED
    _jobs(event.job_id).filter(revision__lt=event.revision).update(
        status=event.status,
        total_count=event.total_count,
        success_count=event.success_count,
        failure_count=event.failure_count,
        cancelled_count=event.cancelled_count,
        revision=event.revision,
        finished_at=event.occurred_at if finished else None,
        announced=False,
    )
    if finished:
        _announce_job(event.job_id)


def announce_empty_job(job: Job) -> None:
    """Complete a job without posters in the current transaction; `job_finished` is sent after the commit."""
    job.status, job.finished_at, job.revision = Status.COMPLETED, job.requested_at, 1
    job.save(update_fields=["status", "finished_at", "revision"])
    transaction.on_commit(partial(_announce_job, job.pk), using=database_alias(), robust=True)


def _jobs(job_id: str) -> models.QuerySet[Job]:
    return Job.objects.using(database_alias()).filter(pk=job_id)


def _announce_job(job_id: str) -> None:
    open_posters = Poster.objects.filter(job_id=OuterRef("pk"), status__in=_UNFINISHED)
    finished = _jobs(job_id).filter(announced=False, status__in=FINISHED)
    job = finished.exclude(Exists(open_posters)).first()
    if job is not None:
        job_finished.send_robust(sender=_owner_model(job), job=job)
        _jobs(job_id).filter(revision=job.revision).update(announced=True)


def _apply_erased(posters: models.QuerySet[Poster], generation: int) -> None:
    unmarked = Q(erased_generation=None) | Q(erased_generation__lt=generation)
    erased = posters.filter(unmarked, generation__lte=generation)
    erased.update(url="", object_key="", sha256="")
    poster = erased.first()
    if poster is not None:
        poster_erased.send_robust(sender=_owner_model(poster), poster=poster)
        erased.update(erased_generation=generation)


def _columns(outcome: PosterOutcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "url": _unless_erased(outcome, outcome.url),
        "object_key": _unless_erased(outcome, outcome.object_key),
        "sha256": _unless_erased(outcome, outcome.sha256),
        "size_bytes": outcome.size_bytes,
        "width": outcome.width,
        "height": outcome.height,
        "format": outcome.format or "",
        "template_version": outcome.template_version,
        "error_code": outcome.error.code if outcome.error else "",
        "error_message": outcome.error.message if outcome.error else "",
        "warnings": [{"code": warning.code, "message": warning.message} for warning in outcome.warnings],
        "attempt": outcome.attempt,
        "generation": outcome.generation,
        "generation_time_ms": outcome.generation_time_ms,
        "finished_at": outcome.occurred_at,
        "announced": False,
    }


def _unless_erased(outcome: PosterOutcome, value: str | None) -> Any:
    # The erasure may arrive before the outcome.
    not_erased = Q(erased_generation=None) | Q(erased_generation__lt=outcome.generation)
    return Case(When(not_erased, then=Value(value or "")), default=Value(""))


def _owner_model(row: Poster | Job) -> type[models.Model]:
    return owner_model(row.owner_model) or type(row)
