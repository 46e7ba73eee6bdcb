"""Delivery of requests: into the outbox, or with the placeholder backend straight to placeholder images."""

from datetime import datetime
from functools import partial

from django.db import transaction

from django_posters.conf import get_settings
from django_posters.contract.requests import (
    BatchRequested,
    JobCancelRequested,
    JobReplayRequested,
    PosterEraseRequested,
    PosterRequested,
)
from django_posters.contract.topics import POSTER_REQUESTS
from django_posters.database import database_alias
from django_posters.outbox.store import add_event
from django_posters.results.placeholders import complete_with_placeholders


def send_request(request: PosterRequested | BatchRequested, *, due_at: datetime | None = None) -> None:
    """Send a request when the current transaction commits, or at `due_at` if that is later."""
    if get_settings().is_placeholder:
        transaction.on_commit(partial(complete_with_placeholders, request), using=database_alias())
    else:
        add_event(request, topic=POSTER_REQUESTS, key=request.job_id, due_at=due_at)


def send_control(request: JobCancelRequested | JobReplayRequested | PosterEraseRequested, *, key: str) -> None:
    """Send a cancellation, replay or erasure when the current transaction commits; placeholders need none of them."""
    if not get_settings().is_placeholder:
        add_event(request, topic=POSTER_REQUESTS, key=key)
