"""Liveness of a role: in-flight records, progress, and the declared reasons for which it waits.

The watchdog, readiness and the role's gauges read it. A declared wait (an unavailable broker, database or storage) is
not a hang.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from streams.inbox import Inbox, Position
from streams.metrics import IN_FLIGHT, LAST_PROGRESS, UNACKNOWLEDGED, WAITING

DeclareWait = Callable[[str | None], None]


@dataclass(frozen=True, slots=True)
class LivenessSnapshot:
    """A role at one moment.

    `busy` says whether it has records to work on, `oldest` is the record in flight longest, `finished` counts finished
    records since the start, `waiting` says whether a wait is declared.
    """

    busy: bool
    oldest: Position | None
    finished: int
    waiting: bool


class Liveness:
    """Liveness of one role. Each of its tasks declares its own waits through `declare_wait`."""

    def __init__(self, role: str, inboxes: Sequence[Inbox]) -> None:
        self.role = role
        self._inboxes = tuple(inboxes)
        self._waits: dict[asyncio.Task[Any] | None, str] = {}
        self._finished_before = 0
        self.behind = False
        """Whether the broker has records that the consumer should have fetched and has not."""

    def reasons(self) -> list[str]:
        """Return why the role does no work at the moment, a sentence each; empty where it works."""
        paused = [reason for inbox in self._inboxes for reason in inbox.pause_reasons]
        return [f"{self.role}: {reason}" for reason in dict.fromkeys([*paused, *self._waits.values()])]

    def snapshot(self) -> LivenessSnapshot:
        """Return the role's present state. Call it in the event loop of the role."""
        if self.finished != self._finished_before:
            self._finished_before = self.finished
            LAST_PROGRESS.labels(self.role).set_to_current_time()
        oldest = [inbox.oldest_in_flight for inbox in self._inboxes if inbox.oldest_in_flight is not None]
        return LivenessSnapshot(
            busy=self.behind or any(inbox.queued or inbox.in_flight for inbox in self._inboxes),
            oldest=oldest[0] if oldest else None,
            finished=self.finished,
            waiting=self.waiting,
        )

    @property
    def finished(self) -> int:
        """Number of records the role has finished."""
        return sum(inbox.finished for inbox in self._inboxes)

    @property
    def waiting(self) -> bool:
        """Whether a task of the role has declared a wait, or one of its inboxes is paused."""
        return bool(self._waits) or any(inbox.pause_reasons for inbox in self._inboxes)

    def export(self) -> None:
        """Export the role's gauges from now on."""
        for gauge, value in (
            (IN_FLIGHT, lambda: sum(inbox.in_flight for inbox in self._inboxes)),
            (UNACKNOWLEDGED, lambda: sum(inbox.unacknowledged for inbox in self._inboxes)),
            (WAITING, lambda: float(self.waiting)),
        ):
            gauge.labels(self.role).set_function(value)

    async def run(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work`; waits that it and the tasks it starts declare count for this role."""
        token = _CURRENT.set(self)
        try:
            await work()
        finally:
            _CURRENT.reset(token)

    def declare(self, reason: str | None) -> None:
        """Set why the current task waits; None: it no longer does."""
        task = asyncio.current_task()
        if reason is None:
            self._waits.pop(task, None)
        else:
            self._waits[task] = reason


_CURRENT: ContextVar[Liveness | None] = ContextVar("liveness", default=None)


def declare_wait(reason: str | None) -> None:
    """Declare why the current task waits on purpose; None: it continues. The watchdog does not count declared waits."""
    liveness = _CURRENT.get()
    if liveness is not None:
        liveness.declare(reason)
