"""Apply outcomes and job counts idempotently: duplicates, redeliveries and reordering change nothing.

Signals are sent after the rows are written, and `announced` marks a row whose signal was sent: at-least-once.
"""

from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec
from django.db import models, transaction
from django.db.models import Case, Count, Exists, JSONField, OuterRef, Q, Value, When
from django.utils import timezone

from django_posters.conf import get_settings
from django_posters.contract.outcomes import Image, JobEvent, PosterOutcome
from django_posters.database import database_alias
from django_posters.images import PosterImage
from django_posters.models import FINISHED, Job, Poster, Status
from django_posters.owners import owner_model
from django_posters.signals import job_finished, poster_erased, poster_finished

from .addresses import usable_address
from .pictures import NO_PICTURE, forget_pictures, show_in_newer, show_latest
from .receivers import MAX_REMEMBERED, retries

UNFINISHED: Final = (Status.QUEUED, Status.PROCESSING)
NO_OUTCOME: Final = "no_outcome"
"""The error code of a poster whose outcome did not arrive, so that the site gave it up. A later one still counts."""
MAX_AUTOMATIC_RETRIES: Final = 3
"""So often in a row a degraded poster is requested again."""


def apply_outcome(
    outcome: PosterOutcome, *, placeholder: bool = False, position: tuple[int | None, int | None] = (None, None)
) -> None:
    """Write the outcome into its poster's row and then send `poster_finished`.

    `position` is the partition and the offset of its record, if it came as one. Its address is stored if it is http(s)
    or a path, or if the outcome is that of a `placeholder` of our own.

    The first outcome of a generation wins, and a later generation replaces an earlier one; any other outcome is
    ignored. The signal is sent again where the process died before it was recorded as sent.
    """
    posters = Poster.objects.using(database_alias()).filter(job_id=outcome.job_id, poster_index=outcome.poster_index)
    if outcome.status == "erased":
        _apply_erased(posters, outcome.generation)
        return
    open_here = Q(generation=outcome.generation) & (Q(status__in=UNFINISHED) | Q(error_code=NO_OUTCOME))
    rows = posters.filter(Q(generation__lt=outcome.generation) | open_here)
    columns = _columns(outcome)
    columns["outcome_partition"], columns["outcome_offset"] = position
    if outcome.status == "completed":
        columns |= _picture(outcome, placeholder)
    rows.update(**columns)
    # After that is committed: a request that commits meanwhile shares it by itself, and one before is seen here.
    finished = posters.filter(announced=False, status__in=FINISHED).first()
    if finished is not None:
        _share_pictures(finished)
    _announce_poster(posters)
    _announce_job(outcome.job_id)


def give_up(poster: Poster, status: Status, message: str) -> None:
    """End a poster for which no outcome arrived, with the code `no_outcome`, and then send `poster_finished`."""
    posters = Poster.objects.using(database_alias()).filter(pk=poster.pk)
    columns = {"status": status, "error_code": NO_OUTCOME, "error_message": message, "announced": False}
    with transaction.atomic(using=database_alias()):
        if posters.filter(status__in=UNFINISHED).update(**columns, finished_at=timezone.now()):
            show_latest(posters.get())
    transaction.on_commit(partial(_announce_poster, posters), using=database_alias(), robust=True)


def settle_job(job_id: str) -> None:
    """Finish a job whose own event did not arrive, with the counts of its posters, and then send `job_finished`."""
    found = Poster.objects.using(database_alias()).filter(job_id=job_id).values_list("status").annotate(Count("pk"))
    counts = dict(found)
    completed, cancelled = counts.get(Status.COMPLETED, 0), counts.get(Status.CANCELLED, 0)
    status = Status.CANCELLED if cancelled else Status.COMPLETED if completed else Status.FAILED
    _jobs(job_id).exclude(status__in=FINISHED).update(
        status=status,
        success_count=completed,
        failure_count=counts.get(Status.FAILED, 0),
        cancelled_count=cancelled,
        finished_at=timezone.now(),
        announced=False,
    )
    _announce_job(job_id)


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


def _announce_poster(posters: models.QuerySet[Poster]) -> None:
    poster = posters.filter(announced=False, status__in=FINISHED).first()
    if poster is None:
        return
    again = partial(_announce_poster, posters)
    if retries.send(poster_finished, f"poster {poster.pk}", again, sender=_owner_model(poster), poster=poster):
        posters.filter(generation=poster.generation).update(announced=True)


def _announce_job(job_id: str) -> None:
    open_posters = Poster.objects.filter(job_id=OuterRef("pk"), status__in=UNFINISHED)
    finished = _jobs(job_id).filter(announced=False, status__in=FINISHED)
    job = finished.exclude(Exists(open_posters)).first()
    if job is None:
        return
    if retries.send(job_finished, f"job {job_id}", partial(_announce_job, job_id), sender=_owner_model(job), job=job):
        _jobs(job_id).filter(revision=job.revision).update(announced=True)


def announce_unannounced(limit: int = MAX_REMEMBERED) -> None:
    """Have the signals of outcomes and erasures sent that an earlier process still had to send."""
    finished = {"announced": False, "status__in": FINISHED}
    posters, jobs = Poster.objects.using(database_alias()), Job.objects.using(database_alias())
    for pk in posters.filter(**finished).values_list("pk", flat=True)[:limit]:
        retries.add(f"poster {pk}", partial(_announce_poster, posters.filter(pk=pk)))
    for pk in posters.filter(erasure_announced=False).values_list("pk", flat=True)[:limit]:
        retries.add(f"erased poster {pk}", partial(_announce_erased, posters.filter(pk=pk)))
    for job_id in jobs.filter(**finished).values_list("pk", flat=True)[:limit]:
        retries.add(f"job {job_id}", partial(_announce_job, job_id))


def _share_pictures(poster: Poster) -> None:
    if poster.status != Status.COMPLETED:
        show_latest(poster)
    elif poster.stored_url:
        show_in_newer(poster)


def _apply_erased(posters: models.QuerySet[Poster], generation: int) -> None:
    unmarked = Q(erased_generation=None) | Q(erased_generation__lt=generation)
    erased = posters.filter(unmarked, generation__lte=generation)
    mark = {"erased_generation": generation, "retry_at": None, "erasure_announced": False}
    if not erased.filter(picture_of=None).update(**NO_PICTURE, **mark):
        erased.update(**mark)
    _announce_erased(posters)


def _announce_erased(posters: models.QuerySet[Poster]) -> None:
    poster = posters.filter(erasure_announced=False).first()
    if poster is None:
        return
    forget_pictures([poster.pk])
    again = partial(_announce_erased, posters)
    if retries.send(poster_erased, f"erased poster {poster.pk}", again, sender=_owner_model(poster), poster=poster):
        posters.filter(erased_generation=poster.erased_generation).update(erasure_announced=True)


def _columns(outcome: PosterOutcome) -> dict[str, Any]:
    return {
        "status": outcome.status,
        "template_version": outcome.template_version,
        "error_code": outcome.error.code if outcome.error else "",
        "error_message": outcome.error.message if outcome.error else "",
        "warnings": [{"code": warning.code, "message": warning.message} for warning in outcome.warnings],
        "assets": msgspec.to_builtins(outcome.assets),
        "degraded": outcome.degraded,
        "retry_at": _retry_at(outcome),
        "attempt": outcome.attempt,
        "generation": outcome.generation,
        "generation_time_ms": outcome.generation_time_ms,
        "finished_at": outcome.occurred_at,
        "announced": False,
    }


def _picture(outcome: PosterOutcome, placeholder: bool) -> dict[str, Any]:
    label = f"{outcome.job_id}[{outcome.poster_index}]"
    url = (outcome.url or "") if placeholder else usable_address(outcome.url, label)
    images = [_image(image, label, placeholder).as_json() for image in outcome.images]
    return {
        "url": _unless_erased(outcome, url),
        "object_key": _unless_erased(outcome, outcome.object_key or ""),
        "sha256": _unless_erased(outcome, outcome.sha256 or ""),
        "image_data": _unless_erased(outcome, images, JSONField()),
        "picture_of": None,
        "size_bytes": outcome.size_bytes,
        "width": outcome.width,
        "height": outcome.height,
        "format": outcome.format or "",
    }


def _image(image: Image, label: str, placeholder: bool) -> PosterImage:
    return PosterImage(
        name=image.name,
        url=image.url if placeholder else usable_address(image.url, f"{label}, {image.name},"),
        object_key=image.object_key,
        sha256=image.sha256,
        width=image.width,
        height=image.height,
        format=image.format,
        size=image.size_bytes,
    )


def _retry_at(outcome: PosterOutcome) -> Any:
    """Return when a degraded poster is to be requested again: twice as late each time, and not after three times."""
    after = get_settings().degraded_retry
    if outcome.status != "completed" or not outcome.degraded or after is None:
        return None
    at: list[datetime] = [outcome.occurred_at + after * 2**count for count in range(MAX_AUTOMATIC_RETRIES)]
    return Case(*(When(automatic_retries=count, then=Value(each)) for count, each in enumerate(at)), default=None)


def _unless_erased(outcome: PosterOutcome, value: Any, field: Any = None) -> Any:
    # The erasure may arrive before the outcome.
    not_erased = Q(erased_generation=None) | Q(erased_generation__lt=outcome.generation)
    nothing: Any = type(value)()
    return Case(When(not_erased, then=Value(value, field)), default=Value(nothing, field))


def _owner_model(row: Poster | Job) -> type[models.Model]:
    return owner_model(row.owner_model) or type(row)
