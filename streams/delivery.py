"""Records as a role receives and publishes them, and the port through which it publishes."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

Headers = tuple[tuple[str, bytes | None], ...]
"""Names and values in order. A name may be repeated and a value null: other producers decide both."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Delivery:
    """One record of a topic, byte for byte. `timestamp` is the broker's or the producer's, by the topic's setting."""

    topic: str
    partition: int
    offset: int
    timestamp: datetime
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


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
