"""Who draws next: of the documents that wait for a slot, one that is urgent before those of a batch."""

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

URGENT_IN_A_ROW: Final = 4
"""After so many while others waited, one of those is next: a fifth of the slots is theirs."""
LATELY_SECONDS: Final = 5.0
"""For so long after an urgent document one slot is kept for the next."""

Slot = TypeVar("Slot", bound=Hashable)


class Pool(Generic[Slot]):
    """The slots there are, each for one document at a time."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._count = 0
        self._free: list[Slot] = []
        self._with_others: set[Slot] = set()
        self._urgent: deque[asyncio.Future[Slot]] = deque()
        self._others: deque[asyncio.Future[Slot]] = deque()
        self._in_a_row = 0
        self._urgent_at = -math.inf

    @property
    def waiting(self) -> int:
        """How many documents wait for a slot."""
        return len(self._urgent) + len(self._others)

    def add(self, slot: Slot) -> None:
        """Bring a new slot."""
        self._count += 1
        self.release(slot)

    async def acquire(self, *, urgent: bool) -> Slot:
        """Return a slot, once there is one: the one used last, whose memory is warm."""
        lane = self._urgent if urgent else self._others
        if urgent:
            self._urgent_at = self._now()
        turn: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        lane.append(turn)
        self._hand_out()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn in lane:
                lane.remove(turn)
            elif not turn.cancelled():
                self.release(turn.result())  # it was given a slot at this very moment
            raise

    def release(self, slot: Slot) -> None:
        """Give a slot up; it is the next one's at once."""
        self._with_others.discard(slot)
        self._free.append(slot)
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free and (lane := self._next()):
            turn = lane.popleft()
            if turn.done():
                continue
            slot = self._free.pop()
            if lane is self._others:
                self._with_others.add(slot)
            turn.set_result(slot)

    def _next(self) -> deque[asyncio.Future[Slot]]:
        others_are_due = not self._urgent or self._in_a_row >= URGENT_IN_A_ROW
        if self._others and others_are_due and self._has_room_for_others():
            self._in_a_row = 0
            return self._others
        self._in_a_row = self._in_a_row + 1 if self._others and self._urgent else 0
        return self._urgent

    def _has_room_for_others(self) -> bool:
        kept = 1 if self._count > 1 and self._now() - self._urgent_at < LATELY_SECONDS else 0
        return len(self._with_others) < self._count - kept
