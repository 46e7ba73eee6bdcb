"""The time that a document has, in which waiting for a free page does not count."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Deadline:
    """A number of seconds from now on."""

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self.waited = 0.0
        """For how many seconds it was stopped."""

    @property
    def left(self) -> float:
        """Seconds that are left; 0 or less when they are over."""
        return self._ends - time.monotonic()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Let no time pass while this lasts."""
        began = time.monotonic()
        try:
            yield
        finally:
            waited = time.monotonic() - began
            self._ends += waited
            self.waited += waited
