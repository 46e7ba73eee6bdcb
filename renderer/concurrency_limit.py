"""Limit of the documents in flight. One that only waits for its assets yields its permit to another."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

YIELDED_MAX: Final = 64
"""Permits yielded at once: each of their documents, with the assets fetched so far, is in memory."""
RESERVED: Final = 2
"""Permits beyond the others that bulk leaves free: a normal poster never waits until bulk has released one, and the
next one does not wait until the first is stored."""


def _ignore() -> None:
    """Do nothing."""


class ConcurrencyLimit:
    """A semaphore of `count` permits and those reserved for normal posters.

    A yielded permit goes to whoever comes next, so for a while there can be more holders than permits.
    """

    def __init__(self, count: int) -> None:
        self._free = count + RESERVED
        self._yielded = 0
        self._changed = asyncio.Event()
        self.on_free: Callable[[], object] = _ignore
        """Called whenever a permit has become free."""

    @property
    def has_room_for_bulk(self) -> bool:
        """Whether the reserved permits are still free, beside the caller's own."""
        return self._free >= RESERVED

    async def acquire(self) -> None:
        """Return with a permit, reserved or not, once there is one."""
        while self._free <= 0:
            self._changed.clear()
            await self._changed.wait()
        self._free -= 1

    def release(self) -> None:
        """Give a permit back."""
        self._free += 1
        self._changed.set()
        self.on_free()

    @contextmanager
    def yielded(self) -> Iterator[None]:
        """Let another have the permit while the body runs. Afterwards nobody is stopped, but nobody new comes in."""
        if self._yielded >= YIELDED_MAX:
            yield
            return
        self._yielded += 1
        self.release()
        try:
            yield
        finally:
            self._yielded -= 1
            self._free -= 1
