"""Degraded posters, which lack an asset: request them again once their time has come."""

import logging
import time
from itertools import takewhile
from typing import Final

from django.db import transaction
from django.utils import timezone

from django_posters.database import database_alias
from django_posters.errors import RequestError
from django_posters.models import Poster

from .retry import retry_poster
from .rows import find_field, isolated

logger = logging.getLogger(__name__)

BATCH_SIZE: Final = 100
SLICE_SECONDS: Final = 5.0
"""After so long the rest waits for the next call: results do not wait for rows whose data takes long to read."""


def retry_degraded(limit: int = BATCH_SIZE) -> int:
    """Request up to `limit` degraded posters again whose time has come; return how many were requested.

    Several processes may do so at the same time: each poster is requested by one of them. The new one yields to other
    posters, and until it completes it shows the degraded picture.
    """
    due = Poster.objects.using(database_alias()).filter(retry_at__lte=timezone.now()).order_by("retry_at")
    end = time.monotonic() + SLICE_SECONDS
    return sum(_retry(poster) for poster in takewhile(lambda _: time.monotonic() < end, due[:limit]))


def _retry(poster: Poster) -> bool:
    with transaction.atomic(using=database_alias()):
        mine = Poster.objects.using(database_alias()).filter(pk=poster.pk, retry_at=poster.retry_at)
        if not mine.update(retry_at=None):
            return False
        try:
            with isolated(f"{poster.owner_model} {poster.entity_id}"):
                if not _is_shown(poster):
                    return False
                _request(poster)
        except RequestError as error:
            logger.warning("the degraded poster %s cannot be requested again: %s", poster.pk, error)
            return False
    return True


def _request(poster: Poster) -> None:
    new = retry_poster(poster, priority="bulk")
    # Whatever its data is now: that of some rows is new each time, such as an address with a signature.
    following = Poster.objects.using(database_alias()).filter(pk=new.pk)
    following.update(automatic_retries=poster.automatic_retries + 1)


def _is_shown(poster: Poster) -> bool:
    row = poster.row
    return row is not None and getattr(row, find_field(type(row), poster.field_name).attname) == poster.pk
