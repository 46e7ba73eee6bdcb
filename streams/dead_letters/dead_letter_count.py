"""Counts dead letters among the records that a role took, and says when everything is one."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from streams.inbox import Position
from streams.producers import Producer

BURST_RECORDS: Final = 100
BURST_SOURCES: Final = 5
STEADY_RECORDS: Final = 20
STEADY_PRODUCERS: Final = 5
STEADY_SECONDS: Final = 60.0
HISTORY_SIZE: Final = 10_000
LONGEST_RUN: Final = 1_000


@dataclass(slots=True)
class _Taken:
    at: float
    is_dead_letter: bool = False
    producer: Producer | None = None
    """Who produced a dead letter that counts; None for one over its producer's budget."""


class DeadLetterCount:
    """Records in the order of taking: many are in flight at once, and bad ones fail before good ones are finished.

    A dead letter is judged by the run of dead letters taken before it. A record that is still in flight counts as good,
    so a role is never paused because of its own speed. Times are in seconds.
    """

    def __init__(self) -> None:
        self._numbers: OrderedDict[Position, int] = OrderedDict()
        self._taken: dict[int, _Taken] = {}
        self._next = 0

    def add_taken(self, position: Position, now: float) -> None:
        """Add a record that is in flight from now on."""
        self._taken.pop(self._numbers.pop(position, -1), None)
        self._numbers[position] = self._next
        self._taken[self._next] = _Taken(now)
        self._next += 1
        if len(self._numbers) > HISTORY_SIZE:
            _, oldest = self._numbers.popitem(last=False)
            del self._taken[oldest]

    def is_dead_letter(self, position: Position) -> bool:
        """Return whether a record was marked as a dead letter."""
        return position in self._numbers and self._taken[self._numbers[position]].is_dead_letter

    def add_dead_letter(self, position: Position, producer: Producer | None, now: float) -> str | None:
        """Mark a record as a dead letter; without a producer it does not count. Return why the role pauses, or None."""
        if position not in self._numbers:
            self.add_taken(position, now)
        taken = self._taken[self._numbers[position]]
        taken.is_dead_letter, taken.producer = True, producer
        return None if producer is None else self._exceeded(position, now)

    def sources_before(self, position: Position) -> set[str | None]:
        """Return the sources of the run of dead letters that ends with this record."""
        return {producer.source for _, producer in self._run(position)}

    def reset(self) -> None:
        """Count from zero again; records in flight keep their places."""
        for taken in self._taken.values():
            taken.is_dead_letter, taken.producer = False, None

    def _exceeded(self, position: Position, now: float) -> str | None:
        run: list[Producer] = []
        producers: set[Producer] = set()
        for at, producer in self._run(position):
            run.append(producer)
            producers.add(producer)
            count, sources = len(run), {each.source for each in producers} if len(run) == BURST_RECORDS else set()
            if len(sources) >= BURST_SOURCES:
                return f"{count} records in a row, of {len(sources)} sources, are dead letters"
            if count >= STEADY_RECORDS and len(producers) >= STEADY_PRODUCERS and now - at >= STEADY_SECONDS:
                return f"all records since {now - at:.0f} seconds are dead letters, {count} and more"
        return None

    def _run(self, position: Position) -> Iterator[tuple[float, Producer]]:
        """Yield the dead letters that count, from this record back to the last record that is none."""
        number = self._numbers[position]
        for each in range(number, max(-1, number - LONGEST_RUN), -1):
            taken = self._taken.get(each)
            if taken is not None:
                if not taken.is_dead_letter:
                    return
                if taken.producer is not None:
                    yield taken.at, taken.producer
