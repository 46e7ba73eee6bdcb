"""How many posters are in hand at once; those that only wait for their assets let others have their places."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

LENT_MAX: Final = 64
"""Places lent at once: each has a document and what is there of its assets in memory."""


KEPT: Final = 2
"""Places beyond the others that bulk leaves free: a single poster never waits until bulk has given one up, and the
next one does not wait until the first is stored."""


def _nobody() -> None:
    """Tell nobody."""


class ConcurrencyLimit:
    """`count` places, and those kept for single posters.

    A lent one is given to whoever comes next, so that for a while there can be more takers.
    """

    def __init__(self, count: int) -> None:
        self._free = count + KEPT
        self._lent = 0
        self._changed = asyncio.Event()
        self.on_free: Callable[[], object] = _nobody
        """Called whenever a place has become free."""

    @property
    def has_room_for_bulk(self) -> bool:
        """Whether those kept are still free, beside the place of the one who asks."""
        return self._free >= KEPT

    async def take(self) -> None:
        """Return with a place, once there is one, be it a kept one."""
        while self._free <= 0:
            self._changed.clear()
            await self._changed.wait()
        self._free -= 1

    def put_back(self) -> None:
        """Give a place up."""
        self._free += 1
        self._changed.set()
        self.on_free()

    @contextmanager
    def yielded(self) -> Iterator[None]:
        """Let another have the place while this lasts. Afterwards nobody is driven out, but nobody new comes in."""
        if self._lent >= LENT_MAX:
            yield
            return
        self._lent += 1
        self.put_back()
        try:
            yield
        finally:
            self._lent -= 1
            self._free -= 1
