"""Thousands of histories of deliveries, flushes, crashes and rebalances: no record is lost, and all are committed."""

import os
import time
from collections.abc import Iterable

import pytest

from agents.fair_queue import FairQueue
from streams.delivery import Delivery
from streams.inbox import Inbox, Partition
from streams.offset_tracker import OffsetTracker
from tests.simulation.world import CAP, TOPIC, MakeInbox, ViolationError, World

HISTORIES = int(os.environ.get("SIMULATED_HISTORIES", "3000"))
STEPS = 250
FIRST_SEED = int(os.environ.get("SIMULATION_SEED", "1"))


def first_in_first_out() -> Inbox:
    """Return an inbox that hands out records in the order of their arrival."""
    return Inbox([TOPIC], CAP)


def fair() -> Inbox:
    """Return an inbox in which sources take turns."""
    return Inbox([TOPIC], CAP, queue=FairQueue())


def test_no_history_loses_a_record_or_stalls() -> None:
    """Each record below a committed offset has its effect, in-flight records are bounded, and all get committed."""
    began = time.process_time()
    effects = kills = 0
    for seed in range(FIRST_SEED, FIRST_SEED + HISTORIES):
        world = World(seed, fair if seed % 2 else first_in_first_out)
        world.run(STEPS)
        effects += sum(world.effects.values())
        kills += world.kills
    seconds = time.process_time() - began

    assert kills > HISTORIES
    assert effects > HISTORIES
    assert seconds < 60


class AcknowledgesEach(Inbox):
    """A mutant: acknowledges a record as soon as it is finished."""

    def __init__(self) -> None:
        super().__init__([TOPIC], CAP)
        self._trackers = _Eager()  # type: ignore[assignment]


class _EagerTracker(OffsetTracker[object]):
    def finish(self, offset: int) -> list[object]:
        entry = self._by_offset.pop(offset, None)
        if entry is None:
            return []
        self._order.remove(entry)
        self.weight -= entry.weight
        return [entry.item]


class _Eager(dict[Partition, _EagerTracker]):
    def setdefault(self, key: Partition, _: object = None) -> _EagerTracker:
        return super().setdefault(key, _EagerTracker())


class KeepsRevoked(Inbox):
    """A mutant: keeps the records of revoked partitions."""

    def __init__(self) -> None:
        super().__init__([TOPIC], CAP)

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """Drop nothing."""


class NeverResumes(Inbox):
    """A mutant: never resumes a paused partition."""

    def __init__(self) -> None:
        super().__init__([TOPIC], CAP)

    def finish(self, deliveries: Iterable[Delivery]) -> None:
        """Finish without resuming."""
        self._paused_partitions.clear()
        super().finish(deliveries)


class FinishesWhatItTakes(Inbox):
    """A mutant: acknowledges records when they are handed out."""

    def __init__(self) -> None:
        super().__init__([TOPIC], CAP)

    async def take(self, limit: int, linger: float = 0.0) -> list[Delivery]:
        """Take and finish."""
        taken = await super().take(limit, linger)
        self.finish(taken)
        return taken


class AcceptsEverything(Inbox):
    """A mutant: accepts records after lost ones."""

    def __init__(self) -> None:
        super().__init__([TOPIC], CAP)

    def _accept(self, partition: Partition, offset: int, after: int | None) -> bool:
        return True


@pytest.mark.parametrize(
    "broken", [AcknowledgesEach, KeepsRevoked, NeverResumes, FinishesWhatItTakes, AcceptsEverything]
)
def test_the_simulation_detects_every_mutant(broken: MakeInbox) -> None:
    """Each mistake is found within a few hundred histories, and the seed is named."""

    def explore() -> None:
        for seed in range(500):
            World(seed, broken).run(STEPS)

    with pytest.raises(ViolationError, match=r"seed \d+: "):
        explore()


def test_a_seed_is_a_history() -> None:
    """The same seed gives the same history, so that a violation can be reproduced."""
    one, other = World(42), World(42)
    one.run(STEPS)
    other.run(STEPS)

    assert one.effects == other.effects
    assert one.broker == other.broker
