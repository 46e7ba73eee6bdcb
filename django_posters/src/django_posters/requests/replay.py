"""Requests of posters that exist: the same one again for want of an outcome, or a replay in the next generation.

The workers replay a job or one poster of it: they build the new requests from what the first one said, and choose the
generation.
"""

import uuid
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import models, transaction
from django.db.models import Case, F, QuerySet, When
from django.utils import timezone

from django_posters.conf import get_settings
from django_posters.contract.codec import ContractError, decode, encode
from django_posters.contract.envelope import fact_id
from django_posters.contract.requests import JobReplayRequested, PosterRequested
from django_posters.database import database_alias
from django_posters.errors import RequestError
from django_posters.models import FINISHED, Job, Poster, Status
from django_posters.results.outcomes import NO_OUTCOME
from django_posters.results.placeholders import complete_again

from .delivery import send_control, send_request
from .options import digest_of
from .rows import find_field, read_alt, read_data


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentRow:
    """What the row of a poster says now."""

    row: models.Model
    custom_data: dict[str, Any]
    alt: str
    digest: str


def read_row(poster: Poster) -> CurrentRow:
    """Return what the poster's row says now. Raises RequestError where it was deleted or its data cannot be read."""
    row = poster.row
    if row is None:
        raise RequestError(f"{poster.owner_model} {poster.entity_id} was deleted; nothing was requested")
    field = find_field(type(row), poster.field_name)
    custom_data = read_data(row, field)
    digest = digest_of(
        template_id=poster.template_id,
        entity_id=poster.entity_id,
        custom_data=custom_data,
        metadata=poster.metadata,
        output=poster.output or None,
        strict=poster.strict,
    )
    return CurrentRow(row=row, custom_data=custom_data, alt=read_alt(row, field), digest=digest)


def replay_poster(poster: Poster) -> None:
    """Replay a poster, alone or of a batch, in the current transaction, and mark it as queued.

    Raises RequestError where the poster is unfinished or erased, or its row was deleted.
    """
    if poster.row is None:
        raise RequestError(f"{poster.owner_model} {poster.entity_id} was deleted; nothing was requested")
    if poster.erased_generation is not None:
        raise RequestError(f"the poster {poster.pk} was erased; request its row with `reuse=False`")
    if not _replay(poster.job, poster_index=poster.poster_index):
        raise RequestError(f"the poster {poster.pk} is not finished; wait for its outcome, or cancel its job")
    poster.refresh_from_db()


def replay_job(job: Job, *, failed_only: bool = False) -> int:
    """Request the finished posters of a job once more, in the current transaction; return how many.

    They are marked as queued, and their next outcome is the one that counts.
    """
    return _replay(job, failed_only=failed_only)


def _replay(job: Job, *, failed_only: bool = False, poster_index: int | None = None) -> int:
    settings = get_settings()
    now = timezone.now()
    request = JobReplayRequested(
        event_id=uuid.uuid4(),
        occurred_at=now,
        source=settings.site,
        job_id=job.job_id,
        failed_only=failed_only,
        poster_index=poster_index,
    )
    with transaction.atomic(using=database_alias()):
        rows = _replayable(job, failed_only=failed_only)
        if poster_index is not None:
            rows = rows.filter(poster_index=poster_index)
        indexes = list(rows.values_list("poster_index", flat=True)) if settings.is_placeholder else []
        count = rows.update(
            status=Status.QUEUED,
            # Before `error_code`: MariaDB assigns one after the other, and the condition reads the former code.
            # The workers never made a generation without an outcome, as far as this site knows: it is still to come.
            generation=Case(When(error_code=NO_OUTCOME, then=F("generation")), default=F("generation") + 1),
            error_code="",
            error_message="",
            retry_at=None,
            # From now on reconcile_posters waits for the outcome.
            asked_again_at=now,
        )
        if not count:
            return 0
        jobs = Job.objects.using(database_alias()).filter(pk=job.pk)
        jobs.update(status=Status.QUEUED, finished_at=None, cancel_requested_at=None)
        if settings.is_placeholder:
            transaction.on_commit(partial(complete_again, job.pk, indexes), using=database_alias())
        else:
            send_control(request, key=job.job_id)
    job.refresh_from_db()
    return count


def send_again(poster: Poster, current: CurrentRow) -> None:
    """Send the request of a poster once more, with the id it had: where there was an outcome, it is stated again.

    Only for a poster that was requested alone. Raises RequestError.
    """
    request = PosterRequested(
        event_id=fact_id("poster.requested", poster.job_id),
        occurred_at=timezone.now(),
        source=get_settings().site,
        job_id=poster.job_id,
        template_id=poster.template_id,
        entity_id=poster.entity_id,
        custom_data=current.custom_data,
        metadata=poster.metadata,
        output=poster.output or None,
        strict=poster.strict,
        reuse=False,
    )
    try:
        send_request(decode(encode(request), PosterRequested))
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"this poster cannot be requested: {error}") from error


def _replayable(job: Job, *, failed_only: bool) -> QuerySet[Poster]:
    """Return the posters that the workers make again: with an outcome, and not erased."""
    posters = Poster.objects.using(database_alias()).filter(job_id=job.pk, erased_generation=None)
    if failed_only:
        # One that this site gave up may have succeeded.
        return posters.filter(status=Status.FAILED).exclude(error_code=NO_OUTCOME)
    return posters.filter(status__in=FINISHED)
