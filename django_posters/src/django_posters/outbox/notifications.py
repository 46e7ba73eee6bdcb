"""Wake-up of the relay by PostgreSQL's NOTIFY and LISTEN; on other databases the relay polls.

Without it every relay would have to poll often, or a request would wait for the next poll.
"""

import threading
from functools import partial
from typing import Any, Final

from django.db import connections, transaction

from django_posters.database import database_alias

CHANNEL: Final = "posters_outbox"
"""The channel on which PostgreSQL notifies the relays."""
_LISTEN_SECONDS: Final = 1.0
"""Limits the delay after a lost notification, and how long TERM waits."""
_POLL_SECONDS: Final = 0.1
"""How often a relay polls where it cannot listen."""


def notify_on_commit(using: str) -> None:
    """Notify the relays after the current transaction commits. Does nothing on databases other than PostgreSQL."""
    if connections[using].vendor == "postgresql":
        # A failure here must not reach the caller: a relay that misses the notification polls a second later.
        transaction.on_commit(partial(_notify, using), using=using, robust=True)


def _notify(using: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


class Wakeup:
    """Waits for new events: for a notification on PostgreSQL, otherwise for the next poll."""

    def __init__(self) -> None:
        self._listening: Any = None

    def wait(self, stop: threading.Event) -> None:
        """Return when there may be new events, after a second at the latest, or when `stop` is set while polling."""
        connection = connections[database_alias()]
        connection.ensure_connection()
        driver: Any = connection.connection
        if not _can_listen(connection):
            stop.wait(_POLL_SECONDS)
        elif driver is not self._listening:
            with connection.cursor() as cursor:
                cursor.execute(f"LISTEN {CHANNEL}")
            # Return at once: events that were committed before LISTEN sent no notification to this connection.
            self._listening = driver
        else:
            for _ in driver.notifies(timeout=_LISTEN_SECONDS, stop_after=1):
                pass


def _can_listen(connection: Any) -> bool:
    if connection.vendor != "postgresql":
        return False
    major, minor, *_ = connection.Database.__version__.split(".")
    return (int(major), int(minor)) >= (3, 2)
