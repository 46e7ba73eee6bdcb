"""What a role shows of its work: what it has in hand, what it has finished, and why it stands still on purpose."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from streams.inbox import Inbox, Position
from streams.metrics import IN_FLIGHT, LAST_PROGRESS, WAITING, WINDOW

WaitingFor = Callable[[str | None], None]


@dataclass(frozen=True, slots=True)
class LivenessSnapshot:
    """A role at one moment: whether it has records in hand, the oldest of them, how many it has finished so far."""

    busy: bool
    oldest: Position | None
    finished: int
    waiting: bool


class Liveness:
    """One role's progress. Its tasks say what they wait for through `waiting_for`, each for itself."""

    def __init__(self, role: str, inboxes: Sequence[Inbox]) -> None:
        self.role = role
        self._inboxes = tuple(inboxes)
        self._waits: dict[asyncio.Task[Any] | None, str] = {}
        self._finished_before = 0
        self.behind = False
        """Whether the broker has records that the consumer has not fetched."""

    def reasons(self) -> list[str]:
        """Return why the role does not work at the moment, a sentence each; empty where it does."""
        paused = [reason for inbox in self._inboxes for reason in inbox.paused]
        return [f"{self.role}: {reason}" for reason in dict.fromkeys([*paused, *self._waits.values()])]

    def look(self) -> LivenessSnapshot:
        """Return the role as it is now. Called in the loop that the role runs in."""
        if self.finished != self._finished_before:
            self._finished_before = self.finished
            LAST_PROGRESS.labels(self.role).set_to_current_time()
        working = [inbox.oldest for inbox in self._inboxes if inbox.oldest is not None]
        return LivenessSnapshot(
            busy=self.behind or any(inbox.queued or inbox.working for inbox in self._inboxes),
            oldest=working[0] if working else None,
            finished=self.finished,
            waiting=self.waiting,
        )

    @property
    def finished(self) -> int:
        """How many records the role has finished."""
        return sum(inbox.finished for inbox in self._inboxes)

    @property
    def waiting(self) -> bool:
        """Whether the role stands still on purpose."""
        return bool(self._waits) or any(inbox.paused for inbox in self._inboxes)

    def export(self) -> None:
        """Show the role's gauges from now on."""
        for gauge, value in (
            (IN_FLIGHT, lambda: sum(inbox.working for inbox in self._inboxes)),
            (WINDOW, lambda: sum(inbox.unacknowledged for inbox in self._inboxes)),
            (WAITING, lambda: float(self.waiting)),
        ):
            gauge.labels(self.role).set_function(value)

    async def during(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work`; what it and the tasks it starts wait for is this role's."""
        token = _CURRENT.set(self)
        try:
            await work()
        finally:
            _CURRENT.reset(token)

    def wait_for(self, reason: str | None) -> None:
        """Note what the current task waits for, or that it goes on."""
        task = asyncio.current_task()
        if reason is None:
            self._waits.pop(task, None)
        else:
            self._waits[task] = reason


_CURRENT: ContextVar[Liveness | None] = ContextVar("progress", default=None)


def waiting_for(reason: str | None) -> None:
    """Declare that this task stands still on purpose, and why; None: it goes on. The watchdog then lets the role be."""
    progress = _CURRENT.get()
    if progress is not None:
        progress.wait_for(reason)
