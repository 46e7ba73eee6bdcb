"""Thousands of histories of deliveries, flushes, crashes and rebalances: nothing is lost, nothing stands still."""

import os
import time
from collections.abc import Iterable

import pytest

from streams.delivery import Delivery
from streams.inbox import Inbox, Partition
from streams.offset_tracker import OffsetTracker
from tests.simulation.world import CAP, TOPIC, MakeInbox, ViolationError, World

HISTORIES = int(os.environ.get("SIMULATED_HISTORIES", "3000"))
STEPS = 250
FIRST_SEED = int(os.environ.get("SIMULATION_SEED", "1"))


def test_no_history_loses_a_record_or_stands_still() -> None:
    """Every record below a committed offset has its effect, windows stay bounded, and in the end all is committed."""
    began = time.process_time()
    effects = kills = 0
    for seed in range(FIRST_SEED, FIRST_SEED + HISTORIES):
        world = World(seed)
        world.run(STEPS)
        effects += sum(world.effects.values())
        kills += world.kills
    seconds = time.process_time() - began

    assert kills > HISTORIES
    assert effects > HISTORIES
    assert seconds < 60


class AcknowledgesEach(Inbox):
    """What would be wrong: acknowledging a record as soon as it is finished."""

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
    """What would be wrong: going on with what is no longer ours."""

    def __init__(self) -> None:
        super().__init__([TOPIC], CAP)

    def revoke(self, partitions: Iterable[Partition]) -> None:
        """Forget nothing."""


class NeverLetsGo(Inbox):
    """What would be wrong: holding a partition back for ever."""

    def __init__(self) -> None:
        super().__init__([TOPIC], CAP)

    def finish(self, deliveries: Iterable[Delivery]) -> None:
        """Finish without releasing."""
        self._paused_partitions.clear()
        super().finish(deliveries)


class FinishesWhatItTakes(Inbox):
    """What would be wrong: acknowledging records when they are handed out."""

    def __init__(self) -> None:
        super().__init__([TOPIC], CAP)

    async def take(self, limit: int, linger: float = 0.0) -> list[Delivery]:
        """Take and finish."""
        taken = await super().take(limit, linger)
        self.finish(taken)
        return taken


class TakesWhatComes(Inbox):
    """What would be wrong: not to miss what was fetched before a record and did not arrive."""

    def __init__(self) -> None:
        super().__init__([TOPIC], CAP)

    def _accept(self, partition: Partition, offset: int, after: int | None) -> bool:
        return True


@pytest.mark.parametrize("broken", [AcknowledgesEach, KeepsRevoked, NeverLetsGo, FinishesWhatItTakes, TakesWhatComes])
def test_the_simulation_notices_what_would_be_wrong(broken: MakeInbox) -> None:
    """Each mistake is found within a few hundred histories, and the seed is named."""

    def explore() -> None:
        for seed in range(500):
            World(seed, broken).run(STEPS)

    with pytest.raises(ViolationError, match=r"seed \d+: "):
        explore()


def test_a_seed_is_a_history() -> None:
    """The same seed does the same, so that a violation can be looked at again."""
    one, other = World(42), World(42)
    one.run(STEPS)
    other.run(STEPS)

    assert one.effects == other.effects
    assert one.broker == other.broker
