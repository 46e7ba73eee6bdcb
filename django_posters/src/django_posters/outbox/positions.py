"""Where the broker stored the requests of jobs: partition and offset, which the relay learns from the acknowledgement.

The admin links to the exact records in Redpanda Console. Nothing else needs them, so that a job without is no error.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.db import DatabaseError, connections, transaction

from django_posters.conf import get_settings
from django_posters.contract.topics import POSTER_REQUESTS
from django_posters.database import database_alias
from django_posters.models import Job, OutboxEvent

logger = logging.getLogger(__name__)

Position = tuple[int, int]
"""Partition and offset."""


class _Request(msgspec.Struct):
    """What a request says of the posters that it has; a single one has neither field."""

    type: str
    first_index: int = 0
    posters: list[msgspec.Raw] | None = None


def record_positions(events: Iterable[OutboxEvent], positions: Mapping[int, Position]) -> None:
    """Write the positions of acknowledged requests, by the primary key of the event, into the rows of their jobs.

    Only where `CONSOLE_URL` is set. A job whose row is locked goes without: waiting for it could end in a deadlock with
    a transaction of the site. So does one whose row cannot be written: that is logged, and no reason to publish again.
    """
    if not get_settings().console_url:
        return
    found: dict[str, list[list[int]]] = {}
    for event in events:
        if event.topic == POSTER_REQUESTS and event.pk in positions:
            request = _read(event)
            if request is not None and request.type in ("poster.requested", "batch.requested"):
                count = 1 if request.posters is None else len(request.posters)
                found.setdefault(event.key, []).append([request.first_index, count, *positions[event.pk]])
    if not found:
        return
    try:
        _write(found)
    except DatabaseError as error:
        logger.warning("the positions of %d requests are not recorded: %s", len(found), error)


def _read(event: OutboxEvent) -> _Request | None:
    try:
        return msgspec.json.decode(bytes(event.value), type=_Request)
    except msgspec.MsgspecError:  # not written by `add_event`
        return None


def _write(found: Mapping[str, list[list[int]]]) -> None:
    using = database_alias()
    jobs: Any = Job.objects.using(using).filter(pk__in=found).only("pk", "request_records")
    with transaction.atomic(using=using):
        if connections[using].features.has_select_for_update_skip_locked:
            jobs = jobs.select_for_update(skip_locked=True)
        rows = list(jobs)
        for job in rows:
            new = found[job.pk]
            repeated = {record[0] for record in new}  # a killed relay publishes again, and so does reconcile_posters
            job.request_records = sorted([each for each in job.request_records if each[0] not in repeated] + new)
        Job.objects.using(using).bulk_update(rows, ["request_records"])
