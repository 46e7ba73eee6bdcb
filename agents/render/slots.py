"""Who draws next: of the documents that wait for a page, one that is urgent before those of a batch."""

import asyncio
from collections import deque
from typing import Final

URGENT_IN_A_ROW: Final = 4
"""After so many while others waited, one of those is next: a fifth of the slots is theirs."""


class Slots:
    """A number of slots, each for one document at a time."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._in_a_row = 0

    @property
    def waiting(self) -> int:
        """How many documents wait for a slot."""
        return len(self._urgent) + len(self._others)

    async def acquire(self, *, urgent: bool) -> None:
        """Return with a slot, once there is one."""
        if self._free > 0:
            self._free -= 1
            return
        lane = self._urgent if urgent else self._others
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        lane.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn in lane:
                lane.remove(turn)
            elif not turn.cancelled():
                self.release()  # it was given a slot at this very moment
            raise

    def release(self) -> None:
        """Give a slot up; it is the next one's at once."""
        while lane := self._next():
            turn = lane.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def _next(self) -> deque[asyncio.Future[None]]:
        others_are_due = not self._urgent or self._in_a_row >= URGENT_IN_A_ROW
        if self._others and others_are_due:
            self._in_a_row = 0
            return self._others
        self._in_a_row = self._in_a_row + 1 if self._others else 0
        return self._urgent
