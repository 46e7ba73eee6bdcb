"""How requests leave: through the outbox, or, where a site is developed without a broker, to placeholders at once."""

from functools import partial

from django.db import transaction

from . import outbox, placeholders
from .conf import get_settings
from .contract.requests import BatchRequested, JobCancelRequested, PosterEraseRequested, PosterRequested
from .contract.topics import POSTER_REQUESTS


def send_request(request: PosterRequested | BatchRequested) -> None:
    """Send a request with the current transaction."""
    if get_settings().is_placeholder:
        transaction.on_commit(partial(placeholders.answer, request), using=outbox.database())
    else:
        outbox.add(request, topic=POSTER_REQUESTS, key=request.job_id)


def send_order(order: JobCancelRequested | PosterEraseRequested, *, key: str) -> None:
    """Send what concerns earlier requests with the current transaction; placeholders leave nothing to do."""
    if not get_settings().is_placeholder:
        outbox.add(order, topic=POSTER_REQUESTS, key=key)
