"""Who produced a bad record, as far as it can be read, and how many dead letters of each are worth attention."""

from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from typing import Final

import msgspec
from cachetools import LRUCache

from schemas.codec import UNREADABLE
from schemas.limits import REQUEST_MAX_BYTES
from streams.delivery import Delivery

DEAD_LETTERS_A_MINUTE: Final = 20
MINUTE_SECONDS: Final = 60.0
SOURCES_TRACKED: Final = 1_000
SAMPLE_SECONDS: Final = 0.05
GOOD_SECONDS: Final = 3_600.0
_SOURCE_MAX_CHARACTERS: Final = 100


class _Sourced(msgspec.Struct, frozen=True):
    source: str


_DECODER: Final = msgspec.json.Decoder(_Sourced)


@dataclass(frozen=True, slots=True)
class Producer:
    """The source that a record names, and its key; all whose source cannot be read are one producer, with neither."""

    source: str | None
    key: bytes | None


def producer_of(delivery: Delivery) -> Producer:
    """Return who produced a record. Anybody can name any source, so this decides nothing about good records."""
    source = source_of(delivery)
    return Producer(None, None) if source is None else Producer(source, delivery.key)


def source_of(delivery: Delivery) -> str | None:
    """Return the source that a record names, or None where it names none or cannot be read."""
    value = delivery.value
    if value is None or delivery.unreadable is not None or len(value) > REQUEST_MAX_BYTES:
        return None
    try:
        source = _DECODER.decode(value).source
    except UNREADABLE:
        return None
    return source[:_SOURCE_MAX_CHARACTERS]


class GoodSources:
    """The sources of records that were no dead letters, as far as a sample of them shows. Times are in seconds."""

    def __init__(self) -> None:
        self._seen: LRUCache[str, float] = LRUCache(maxsize=SOURCES_TRACKED)
        self._next_sample = 0.0
        self._latest = float("-inf")

    def add(self, delivery: Delivery, now: float) -> None:
        """Note the source of a good record; of many, that of one in a while, since reading it costs time."""
        self._latest = now
        if now < self._next_sample:
            return
        self._next_sample = now + SAMPLE_SECONDS
        source = producer_of(delivery).source
        if source is not None:
            self._seen[source] = now

    def had_one_within(self, seconds: float, now: float) -> bool:
        """Return whether there was a good record of any source so recently."""
        return now - self._latest < seconds

    def besides(self, sources: Set[str | None], now: float) -> str | None:
        """Return a source that is none of these and had a good record within `GOOD_SECONDS`, or None."""
        recent = (source for source, at in self._seen.items() if now - at < GOOD_SECONDS and source not in sources)
        return next(recent, None)


class ProducerBudgets:
    """How many dead letters of each source are logged one by one and count: `DEAD_LETTERS_A_MINUTE`.

    Times are in seconds.
    """

    def __init__(self) -> None:
        self._minutes: LRUCache[str | None, tuple[float, int]] = LRUCache(maxsize=SOURCES_TRACKED)
        self._suppressed: Counter[str | None] = Counter()
        self._next_report = 0.0

    def spend(self, producer: Producer, now: float) -> bool:
        """Count a dead letter. Return whether it is within the budget of its source."""
        began, count = self._minutes.get(producer.source, (now, 0))
        if now - began >= MINUTE_SECONDS:
            began, count = now, 0
        self._minutes[producer.source] = (began, count + 1)
        if count < DEAD_LETTERS_A_MINUTE:
            return True
        is_tracked = producer.source in self._suppressed or len(self._suppressed) < SOURCES_TRACKED
        self._suppressed[producer.source if is_tracked else None] += 1
        return False

    def take_suppressed(self, now: float) -> dict[str | None, int]:
        """Return how many dead letters of each source were over its budget since the last report, once a minute."""
        if now < self._next_report or not self._suppressed:
            return {}
        self._next_report = now + MINUTE_SECONDS
        suppressed, self._suppressed = self._suppressed, Counter()
        return dict(suppressed)
