"""Records as a role receives and publishes them, and the port through which it publishes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

Headers = tuple[tuple[str, bytes | None], ...]
"""Names and values in order. A name may be repeated and a value null: other producers decide both."""

_EPOCH: Final = datetime.fromtimestamp(0, UTC)
_LATEST_MILLISECONDS: Final = 253_402_214_400_000
"""The last day of the year 9999 in UTC: every zone and every column can represent what comes before it."""


def record_time(milliseconds: int | None) -> datetime:
    """Return the time of a record, in UTC. A producer may give any number, or none: the nearest time that there is."""
    return _EPOCH + timedelta(milliseconds=min(max(0, milliseconds or 0), _LATEST_MILLISECONDS))


def arrival_time(milliseconds: int | None, now: datetime, *, by_producer: bool) -> datetime:
    """Return when a record arrived, in UTC. A producer's time that lies ahead of `now` counts as now."""
    time = record_time(milliseconds)
    return min(time, now) if by_producer else time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivery:
    """One record of a topic, byte for byte.

    `timestamp` is the broker's or the producer's, by the topic's setting, and never a producer's that lies ahead.
    `stamped` is the record's own number, in milliseconds, where that may differ: it identifies the record.

    `unreadable` is set where the broker's batch could not be decoded, and says which offsets it stands for and why;
    `value` then has the raw bytes, which are no event.
    """

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    stamped: int | None = None
    unreadable: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One record to publish."""

    topic: str
    key: str | bytes | None
    value: bytes | None
    headers: Headers = ()


class Publisher(Protocol):
    """The port through which roles publish."""

    async def publish(self, records: Iterable[Record]) -> None:
        """Publish the records, in order for each key; return once the broker has acknowledged them all.

        Raises UnavailableError.
        """
        ...
