"""The outbox table: add an event in the caller's transaction, and claim events for publishing.

An event is published only after its transaction commits, and a rollback removes it. Delivery is at-least-once.

It is our own because the events of a job have to be published in their order, on each of Django's databases.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.db import connections, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from django_posters.contract.codec import encode
from django_posters.contract.envelope import Envelope
from django_posters.database import database_alias
from django_posters.models import OutboxEvent
from django_posters.tracing import creating

from .notifications import notify_on_commit


def new_headers(event: Envelope) -> dict[str, str]:
    """Return the Kafka headers of an event besides those of its trace: content type, event type and job."""
    about = {"type": getattr(event, "type", None), "job": getattr(event, "job_id", None)}
    return {"content-type": "application/json"} | {name: value for name, value in about.items() if value is not None}


def add_event(event: Envelope, *, topic: str, key: str, due_at: datetime | None = None) -> None:
    """Write the event into the current transaction. `relay_posters` publishes it after the commit, and after `due_at`.

    Later events of the same key wait for it.
    """
    using = database_alias()
    with creating(topic, key) as trace:
        OutboxEvent.objects.using(using).create(
            event_id=event.event_id,
            topic=topic,
            key=key,
            value=encode(event),
            headers=trace | new_headers(event),
            created_at=event.occurred_at,
            due_at=due_at,
        )
    notify_on_commit(using)


def waiting_event(topic: str, key: str) -> OutboxEvent | None:
    """Lock and return the only event of a key, if it is to be published later and no relay holds it."""
    using = database_alias()
    events = OutboxEvent.objects.using(using).filter(topic=topic, key=key, refused="")
    skip_locked = connections[using].features.has_select_for_update_skip_locked
    found = list(events.select_for_update(skip_locked=skip_locked))
    if len(found) != 1 or found[0].due_at is None or found[0].due_at <= timezone.now():
        return None
    return found[0]


@contextmanager
def claim_events(limit: int) -> Iterator[list[OutboxEvent]]:
    """Lock and give up to `limit` events, oldest first: the first of each key, and none that another relay holds.

    Where the database cannot skip locked rows (SQLite), nothing is locked: two relays would publish an event twice.
    """
    using = database_alias()
    if not connections[using].features.has_select_for_update_skip_locked:
        yield list(_heads(using)[:limit])
        return
    with transaction.atomic(using=using):
        yield list(_heads(using).select_for_update(skip_locked=True)[:limit])


def _heads(using: str) -> QuerySet[OutboxEvent]:
    # Only one event of a key is in flight at a time, across all relays: that keeps the order of a key.
    pending = OutboxEvent.objects.using(using).filter(refused="")
    earlier = pending.filter(topic=OuterRef("topic"), key=OuterRef("key"), id__lt=OuterRef("id"))
    due = Q(due_at=None) | Q(due_at__lte=timezone.now())
    return pending.filter(due, ~Exists(earlier)).order_by("id")
