"""`python -m bench.unguarded worker ROLE`: a worker without the guards that can be left out, to see what they cost.

Left out are the watchdog, crash journal, storage breaker, dead-letter limit and the watch over the lag. What
cannot be left out without losing posters (records are acknowledged in order, after their effects are durable) stays.
"""

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack
from types import ModuleType
from typing import Any, Final
from unittest.mock import patch

from agents.crash_journal import CrashJournalTable
from agents.storage.breaker import BreakingStore
from agents.storage.port import ObjectStore
from posters import roles, worker
from posters.main import main
from streams.crash_guard import Note
from streams.dead_letters.dead_letter_limit import DeadLetterLimit
from streams.health.lag import Lag
from streams.health.watchdog import Watchdog


class NoWatchdog:
    """Looks at nothing."""

    def __init__(self, *_: object) -> None:
        """Take what a watchdog takes."""

    def start(self) -> None:
        """Do nothing."""

    def watch(self, _: object) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""


class NoJournal:
    """Notes nothing and finds nothing."""

    async def open(self) -> None:
        """Do nothing."""

    async def begin(self, _: Sequence[Note]) -> Sequence[Note]:
        """Find nothing."""
        return ()

    async def adopt(self, _: Sequence[Note]) -> None:
        """Do nothing."""

    async def end(self, _: Sequence[Note]) -> None:
        """Do nothing."""

    async def leave(self) -> None:
        """Do nothing."""


class NoDeadLetterLimit(DeadLetterLimit):
    """Counts nothing and follows nothing."""

    def __init__(self, role: Any, inbox: Any, *rest: Any, **options: Any) -> None:
        super().__init__(role, inbox, *rest, **options)
        inbox.on_taken = lambda _: None

    async def run(self) -> None:
        """Wait until cancelled."""
        await asyncio.Event().wait()


class NoLag:
    """Never looks."""

    def __init__(self, *_: object) -> None:
        """Take what it takes to look at the lag."""

    async def run(self) -> None:
        """Wait until cancelled."""
        await asyncio.Event().wait()


def no_breaker(store: ObjectStore, _: object) -> ObjectStore:
    """Return the store itself."""
    return store


def no_journal(*_: object) -> Any:
    """Return a journal that notes nothing."""
    return NoJournal()


GUARDS: Final[tuple[tuple[ModuleType, type[Any], Any], ...]] = (
    (worker, Watchdog, NoWatchdog),
    (worker, Lag, NoLag),
    (roles, CrashJournalTable, no_journal),
    (roles, DeadLetterLimit, NoDeadLetterLimit),
    (roles, BreakingStore, no_breaker),
)
"""Each guard with the module that uses it and with what takes its place."""


def without_guards() -> ExitStack:
    """Replace the guards; leaving the stack undoes that."""
    patches = ExitStack()
    for module, guard, replacement in GUARDS:
        patches.enter_context(patch.object(module, guard.__name__, replacement))
    return patches


if __name__ == "__main__":
    with without_guards():
        main()
