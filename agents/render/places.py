"""How many posters are in hand at once; those that only wait for their assets let others have their places."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

LENT_MAX: Final = 64
"""Places lent at once: each has a document and what is there of its assets in memory."""


class Places:
    """A number of places. A lent one is given to whoever comes next, so that for a while there can be more takers."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._lent = 0
        self._changed = asyncio.Event()

    async def take(self) -> None:
        """Return with a place, once there is one."""
        while self._free <= 0:
            self._changed.clear()
            await self._changed.wait()
        self._free -= 1

    def put_back(self) -> None:
        """Give a place up."""
        self._free += 1
        self._changed.set()

    @contextmanager
    def lent(self) -> Iterator[None]:
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
