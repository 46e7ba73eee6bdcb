"""Cancel the unfinished posters of a job."""

import uuid

from django.db import transaction
from django.utils import timezone

from django_posters.conf import get_settings
from django_posters.contract.codec import ContractError, decode, encode
from django_posters.contract.requests import JobCancelRequested
from django_posters.database import database_alias
from django_posters.errors import RequestError
from django_posters.models import FINISHED, Job

from .async_variant import async_variant
from .delivery import send_control


def cancel_job(job: Job, *, reason: str | None = None) -> bool:
    """Request the cancellation of a job's unfinished posters; return False where there was nothing to cancel.

    Everything is written in the current transaction. Finished posters do not change. Each of the others ends as
    cancelled, and `consume_posters` applies that outcome. A job that is finished, or whose cancellation was requested
    before, does not change. `reason` appears in the workers' log.

    Raises RequestError or PostersSettingsError before anything is written.
    """
    settings = get_settings()
    if not isinstance(job, Job):
        raise RequestError(f"cancel_job() takes a Job, not a {type(job).__name__}; pass `poster.job` or a batch's")
    now = timezone.now()
    request = _checked(
        JobCancelRequested(
            event_id=uuid.uuid4(), occurred_at=now, source=settings.site, job_id=job.job_id, reason=reason
        )
    )
    with transaction.atomic(using=database_alias()):
        open_job = Job.objects.using(database_alias()).filter(pk=job.pk, cancel_requested_at=None)
        if not open_job.exclude(status__in=FINISHED).update(cancel_requested_at=now):
            return False
        send_control(request, key=job.job_id)
    job.cancel_requested_at = now
    return True


acancel_job = async_variant(cancel_job)


def _checked(request: JobCancelRequested) -> JobCancelRequested:
    try:
        return decode(encode(request), JobCancelRequested)
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"this job cannot be cancelled: {error}") from error
