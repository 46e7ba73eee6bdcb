"""Events leave the site through a table: written in the caller's transaction, published by `relay_posters`."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from django.db import connections, router, transaction
from django.db.models import Exists, OuterRef, QuerySet

from .contract.codec import encode
from .contract.envelope import Envelope
from .models import OutboxEvent

CHANNEL: Final = "posters_outbox"
"""What PostgreSQL notifies the relay on."""


def database() -> str:
    """Return the alias of the database that holds our tables."""
    return router.db_for_write(OutboxEvent)


def new_headers() -> dict[str, str]:
    """Return the headers of a new event: a W3C trace context of its own, and the content type."""
    trace = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-00"
    return {"traceparent": trace, "content-type": "application/json"}


def add(event: Envelope, *, topic: str, key: str) -> None:
    """Write the event into the current transaction; it leaves the site once that commits."""
    using = database()
    OutboxEvent.objects.using(using).create(
        event_id=event.event_id,
        topic=topic,
        key=key,
        value=encode(event),
        headers=new_headers(),
        created_at=event.occurred_at,
    )
    if connections[using].vendor == "postgresql":
        # A relay that does not hear it looks again after a second: the caller is not to suffer from a failure here.
        transaction.on_commit(partial(_notify, using), using=using, robust=True)


@contextmanager
def claim(limit: int) -> Iterator[list[OutboxEvent]]:
    """Hand out up to `limit` events, oldest first, that no other relay has, and of each key only the first.

    Where the database cannot skip locked rows (SQLite), nothing is locked: two relays would publish an event twice.
    """
    using = database()
    if not connections[using].features.has_select_for_update_skip_locked:
        yield list(_heads(using)[:limit])
        return
    with transaction.atomic(using=using):
        yield list(_heads(using).select_for_update(skip_locked=True)[:limit])


def _heads(using: str) -> QuerySet[OutboxEvent]:
    # Two events of one key are never on their way at once, however many relays there are: that keeps their order.
    waiting = OutboxEvent.objects.using(using).filter(refused="")
    earlier = waiting.filter(topic=OuterRef("topic"), key=OuterRef("key"), id__lt=OuterRef("id"))
    return waiting.filter(~Exists(earlier)).order_by("id")


def _notify(using: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
