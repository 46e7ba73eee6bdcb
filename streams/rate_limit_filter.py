"""Keeps the Kafka clients from flooding the log: without a broker they write hundreds of lines a second."""

import logging
import time
from collections.abc import Callable
from typing import Final

EVERY_SECONDS: Final = 10.0
CLIENTS: Final = ("aiokafka", "faust", "mode", "streams.publisher", "streams.compacted_topic")
KINDS: Final = 1_000
"""So many kinds of messages are told apart; then all of them count as new."""


class Seldom(logging.Filter):
    """Lets each message of the clients through once in ten seconds, with how many like it were left out before."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._next: dict[tuple[str, str, str], float] = {}
        self._left_out: dict[tuple[str, str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Say whether the record is written."""
        if not record.name.startswith(CLIENTS):
            return True
        first = record.args[0] if isinstance(record.args, tuple) and record.args else ""
        kind = (record.name, str(record.msg), str(first))
        now = self._clock()
        if now < self._next.get(kind, 0.0):
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return False
        if len(self._next) >= KINDS:
            self._next.clear()
            self._left_out.clear()
        self._next[kind] = now + EVERY_SECONDS
        left_out = self._left_out.pop(kind, 0)
        if left_out:
            record.msg = f"{record.msg} ({left_out} more like it before)"
        return True
