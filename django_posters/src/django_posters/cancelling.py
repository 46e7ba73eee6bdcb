"""Stop what is left of a job."""

import uuid

from django.db import transaction
from django.utils import timezone

from . import delivery, outbox
from .asynchronous import asynchronous
from .conf import get_settings
from .contract.codec import ContractError, decode, encode
from .contract.requests import JobCancelRequested
from .errors import RequestError
from .models import FINISHED, Job


def cancel_job(job: Job, *, reason: str | None = None) -> bool:
    """Ask for what is left of a job to be cancelled, and say whether there was anything to ask for.

    Everything is written in the current transaction. Posters that are made already stay as they are; each of the others
    ends as cancelled, which `consume_posters` tells. A job that is finished, or was cancelled before, is left alone.
    `reason` goes into the workers' log.

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
    with transaction.atomic(using=outbox.database()):
        mine = Job.objects.using(outbox.database()).filter(pk=job.pk, cancel_requested_at=None)
        if not mine.exclude(status__in=FINISHED).update(cancel_requested_at=now):
            return False
        delivery.send_order(request, key=job.job_id)
    job.cancel_requested_at = now
    return True


acancel_job = asynchronous(cancel_job)


def _checked(request: JobCancelRequested) -> JobCancelRequested:
    try:
        return decode(encode(request), JobCancelRequested)
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"this job cannot be cancelled: {error}") from error
