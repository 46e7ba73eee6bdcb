"""Reconciliation: posters and jobs whose outcome never arrived get one, by asking again or by giving them up.

An outcome can be lost to a site: its consumer was down for longer than the topics are retained, the topics were
recreated, or the outbox was lost. Without this such a poster stays queued, and its row keeps reusing it.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from django.db import models, transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce
from django.utils import timezone

from django_posters.conf import get_settings
from django_posters.contract.topics import POSTER_REQUESTS
from django_posters.database import database_alias
from django_posters.errors import RequestError
from django_posters.models import FINISHED, Job, OutboxEvent, Poster, Status
from django_posters.results.outcomes import UNFINISHED, give_up, settle_job

from .replay import CurrentRow, read_row, send_again
from .retry import retry_poster
from .rows import find_field, isolated

Step: TypeAlias = Literal["in_outbox", "asked_again", "requested_anew", "given_up", "cancelled", "jobs_settled"]
_CHUNK_SIZE: Final = 500


def reconcile(older_than: timedelta, *, dry_run: bool = False) -> Counter[Step]:
    """Find posters that were requested longer ago than this and have no outcome; return how many got which step.

    - `in_outbox`: their request is not published yet, so `relay_posters` has to run; nothing is done.
    - `asked_again`: their request was sent again, under the same job: the outcome will be stated again.
    - `requested_anew`: that was done before, or the row has changed, or they belong to a batch: a new poster was
      requested, and this one was given up.
    - `given_up`: their row was deleted or has a newer poster; they failed with `no_outcome`.
    - `cancelled`: the cancellation of their job was requested.
    - `jobs_settled`: jobs of which every poster has an outcome, now with the counts of these.

    Raises PostersSettingsError.
    """
    get_settings()
    before = timezone.now() - older_than
    steps: Counter[Step] = Counter()
    for poster in _without_outcome(before):
        with transaction.atomic(using=database_alias()):
            steps[_reconcile(poster, dry_run=dry_run)] += 1
    for job_id in list(_open_jobs(before).values_list("pk", flat=True)):
        steps["jobs_settled"] += 1
        if not dry_run:
            settle_job(job_id)
    return +steps


def _without_outcome(before: datetime) -> Iterator[Poster]:
    posters = Poster.objects.using(database_alias()).select_related("job").filter(status__in=UNFINISHED)
    old = posters.annotate(asked_at=Coalesce("asked_again_at", "requested_at")).filter(asked_at__lt=before)
    last = None
    while True:
        following = old if last is None else old.filter(pk__gt=last)
        chunk = list(following.order_by("pk")[:_CHUNK_SIZE])
        if not chunk:
            return
        yield from chunk
        last = chunk[-1].pk


def _open_jobs(before: datetime) -> models.QuerySet[Job]:
    open_posters = Poster.objects.filter(job_id=OuterRef("pk"), status__in=UNFINISHED)
    jobs = Job.objects.using(database_alias()).filter(requested_at__lt=before).exclude(status__in=FINISHED)
    return jobs.exclude(Exists(open_posters))


def _reconcile(poster: Poster, *, dry_run: bool) -> Step:
    events = OutboxEvent.objects.using(database_alias()).filter(topic=POSTER_REQUESTS, key=poster.job_id)
    if events.filter(refused="").exists():
        return "in_outbox"
    if poster.job.cancel_requested_at is not None:
        return _end(poster, "cancelled", "its job was cancelled, and no outcome arrived", dry_run)
    current = _current(poster, events)
    if isinstance(current, str):
        return _end(poster, "given_up", current, dry_run)
    if poster.asked_again_at is None and poster.job.total_count == 1 and poster.digest == current.digest:
        if not dry_run:
            send_again(poster, current)
            Poster.objects.using(database_alias()).filter(pk=poster.pk).update(asked_again_at=timezone.now())
        return "asked_again"
    return _request_anew(poster, dry_run)


def _current(poster: Poster, events: models.QuerySet[OutboxEvent]) -> CurrentRow | str:
    """Return what the poster's row says now, or why the poster is not needed or cannot be requested any more."""
    refused = events.values_list("refused", flat=True).first()
    if refused:
        return f"the broker refuses its request: {refused}"
    try:
        with isolated(f"{poster.owner_model} {poster.entity_id}"):
            current = read_row(poster)
    except RequestError as error:
        return str(error)
    field = find_field(type(current.row), poster.field_name)
    is_newest = getattr(current.row, field.attname) == poster.pk
    return current if is_newest else "the row has a newer poster, and no outcome arrived"


def _request_anew(poster: Poster, dry_run: bool) -> Step:
    if dry_run:
        return "requested_anew"
    # First, so that receivers of its failure find the row with the newer poster.
    try:
        with isolated(f"{poster.owner_model} {poster.entity_id}"):
            retry_poster(poster)
    except RequestError as error:
        return _end(poster, "given_up", str(error), dry_run)
    _end(poster, "given_up", "no outcome arrived; a new poster was requested", dry_run)
    return "requested_anew"


def _end(poster: Poster, step: Literal["given_up", "cancelled"], message: str, dry_run: bool) -> Step:
    if not dry_run:
        give_up(poster, Status.CANCELLED if step == "cancelled" else Status.FAILED, message)
    return step
