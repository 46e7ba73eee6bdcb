"""How requests leave: through the outbox, or, where a site is developed without a broker, to placeholders at once."""

from functools import partial

from django.db import transaction

from . import outbox, placeholders
from .conf import get_settings
from .contract.requests import BatchRequested, PosterRequested
from .contract.topics import POSTER_REQUESTS


def send_request(request: PosterRequested | BatchRequested) -> None:
    """Send a request with the current transaction."""
    if get_settings().is_placeholder:
        transaction.on_commit(partial(placeholders.answer, request), using=outbox.database())
    else:
        outbox.add(request, topic=POSTER_REQUESTS, key=request.job_id)
