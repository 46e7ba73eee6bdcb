"""Debounce: a request waits for later ones of its row, so that several saves in a row make one poster."""

from datetime import timedelta
from typing import Final

from django.utils import timezone

from django_posters.conf import get_settings
from django_posters.contract.codec import encode
from django_posters.contract.requests import PosterRequested
from django_posters.contract.topics import POSTER_REQUESTS
from django_posters.durations import as_duration
from django_posters.fields import PosterField
from django_posters.models import Poster
from django_posters.outbox.store import waiting_event

MAX_EXTENSION: Final = 10
"""A row that is saved again and again gets its poster after so many times the debounce at the latest."""


def debounce_of(field: PosterField) -> timedelta:
    """Return how long a request for this field waits for later ones: its own `debounce`, else that of the settings."""
    own = as_duration(field.debounce)
    return get_settings().debounce if own is None else own


def replace_waiting(newest: Poster, request: PosterRequested, debounce: timedelta) -> bool:
    """Put `request` in the place of the unpublished one of this poster; return False where that is not waiting."""
    if newest.is_finished or not newest.is_usable or newest.job.total_count != 1:
        return False
    event = waiting_event(POSTER_REQUESTS, newest.job_id)
    if event is None or event.due_at is None:
        return False
    event.value = encode(request)
    latest = newest.requested_at + MAX_EXTENSION * debounce
    event.due_at = max(event.due_at, min(timezone.now() + debounce, latest))
    event.save(update_fields=["value", "due_at"])
    return True
