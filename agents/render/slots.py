"""Who draws next: of the documents that wait for a slot, one that is urgent before those of a batch."""

import asyncio
from collections import deque
from typing import Final, Generic, TypeVar

URGENT_IN_A_ROW: Final = 4
"""After so many while others waited, one of those is next: a fifth of the slots is theirs."""

Slot = TypeVar("Slot")


class Slots(Generic[Slot]):
    """The slots that are free, each for one document at a time."""

    def __init__(self) -> None:
        self._free: list[Slot] = []
        self._urgent: deque[asyncio.Future[Slot]] = deque()
        self._others: deque[asyncio.Future[Slot]] = deque()
        self._in_a_row = 0

    @property
    def waiting(self) -> int:
        """How many documents wait for a slot."""
        return len(self._urgent) + len(self._others)

    async def acquire(self, *, urgent: bool) -> Slot:
        """Return a slot, once there is one: the one used last, whose memory is warm."""
        if self._free:
            return self._free.pop()
        lane = self._urgent if urgent else self._others
        turn: asyncio.Future[Slot] = asyncio.get_running_loop().create_future()
        lane.append(turn)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn in lane:
                lane.remove(turn)
            elif not turn.cancelled():
                self.release(turn.result())  # it was given a slot at this very moment
            raise

    def release(self, slot: Slot) -> None:
        """Give a slot up, or bring a new one; it is the next one's at once."""
        while lane := self._next():
            turn = lane.popleft()
            if not turn.done():
                turn.set_result(slot)
                return
        self._free.append(slot)

    def _next(self) -> deque[asyncio.Future[Slot]]:
        others_are_due = not self._urgent or self._in_a_row >= URGENT_IN_A_ROW
        if self._others and others_are_due:
            self._in_a_row = 0
            return self._others
        self._in_a_row = self._in_a_row + 1 if self._others else 0
        return self._urgent
