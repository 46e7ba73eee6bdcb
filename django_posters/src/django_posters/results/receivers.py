"""Receivers of the signals that raise: they are called again for as long as `POSTERS["RETRY_RECEIVERS"]` says.

All receivers of the signal are called again, so they have to be idempotent, as they have to be anyway.
"""

import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, Final

from django.dispatch import Signal

from django_posters.conf import get_settings
from django_posters.database import UNAVAILABLE

logger = logging.getLogger(__name__)

FIRST_DELAY_SECONDS: Final = 10.0
LONGEST_DELAY_SECONDS: Final = 600.0
MAX_REMEMBERED: Final = 10_000
SLICE_SECONDS: Final = 2.0
"""After so long the rest waits for the next call: neither results nor the heartbeat wait for many slow receivers."""


@dataclass(frozen=True, slots=True)
class _Failure:
    """A signal whose receivers raised. Times are those of the clock; `send` sends it again."""

    send: Callable[[], object]
    first: float
    delay: float
    due: float


class ReceiverRetries:
    """The signals of this process that are to be sent again. Only `consume_posters` has a place to do so."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures: dict[Hashable, _Failure] = {}
        self.is_running = False

    def send(self, signal: Signal, key: Hashable, again: Callable[[], object], **arguments: Any) -> bool:
        """Send a signal; return whether it is done with: all receivers returned, or it is not to be sent again."""
        # send_robust() logs the exceptions of receivers.
        if not any(isinstance(answer, Exception) for _, answer in signal.send_robust(**arguments)):
            self._failures.pop(key, None)
            return True
        now, earlier = self._clock(), self._failures.pop(key, None)
        window = get_settings().retry_receivers.total_seconds()
        if not self.is_running or not window:
            return True
        if len(self._failures) >= MAX_REMEMBERED:
            logger.error("receivers of %s raised; they are not called again: %d others wait", key, MAX_REMEMBERED)
            return True
        first = earlier.first if earlier is not None else now
        delay = min(earlier.delay * 2, LONGEST_DELAY_SECONDS) if earlier is not None else FIRST_DELAY_SECONDS
        if now - first >= window:
            logger.error("receivers of %s still raise after %g s; they are not called again", key, window)
            return True
        self._failures[key] = _Failure(again, first, delay, now + delay)
        logger.warning("receivers of %s raised; they are called again in %g s", key, delay)
        return False

    def add(self, key: Hashable, send: Callable[[], object]) -> None:
        """Have a signal sent at the next `run_due()`, as far as there is room."""
        now = self._clock()
        if len(self._failures) < MAX_REMEMBERED:
            self._failures.setdefault(key, _Failure(send, now, FIRST_DELAY_SECONDS / 2, now))

    def run_due(self) -> None:
        """Send the signals again whose time has come. Raises what the database raises while it is unavailable."""
        now = self._clock()
        due = [(failure.due, key) for key, failure in self._failures.items() if failure.due <= now]
        for _, key in sorted(due, key=itemgetter(0)):
            if self._clock() - now >= SLICE_SECONDS:
                return
            failure = self._failures[key]
            try:
                failure.send()
            except UNAVAILABLE:
                self._failures.setdefault(key, failure)
                raise
            if self._failures.get(key) is failure:  # there was nothing to send any more
                del self._failures[key]


retries: Final = ReceiverRetries()
