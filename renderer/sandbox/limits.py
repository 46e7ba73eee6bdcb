"""What sandbox processes may take."""

from typing import Final

import msgspec

from renderer.sandbox.messages import Check, Request


class TimeLimit(msgspec.Struct, frozen=True):
    """Seconds that one request may take: processor time, watched by the process; elapsed time, by the worker."""

    cpu_seconds: float
    wall_seconds: float


class Limits(msgspec.Struct, frozen=True):
    """Address space of one process, for all its requests, and the time of each kind of request.

    A usual upload takes 0.05 s to check, one of 1 MB a few seconds. A usual poster takes 0.1 ms to fill; the rest is
    for compiling a large template.
    """

    memory_bytes: int = 768 * 1024 * 1024
    check: TimeLimit = TimeLimit(cpu_seconds=10.0, wall_seconds=30.0)
    fill: TimeLimit = TimeLimit(cpu_seconds=4.0, wall_seconds=10.0)

    def of(self, request: Request) -> TimeLimit:
        """Return the time that a request has."""
        return self.check if isinstance(request, Check) else self.fill


DEFAULT: Final = Limits()
