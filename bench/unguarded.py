"""`python -m bench.unguarded worker ROLE`: a worker without the guards that can be left out, to see what they cost.

Left out are the watchdog, the journal, the storage breaker, the fuse, and looking at the lag. What cannot be left out
without losing posters (records are acknowledged in order, after their effects are durable) stays.
"""

import asyncio
from contextlib import ExitStack
from typing import Any
from unittest.mock import patch

from agents.render.crash_journal import CrashJournal
from agents.storage.port import ObjectStore
from posters.main import main
from streams.dead_letter_limit import DeadLetterLimit


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


class NoJournal(CrashJournal):
    """Is never opened, and so never written."""

    def open(self) -> None:
        """Do nothing."""


class NoFuse(DeadLetterLimit):
    """Counts nothing and follows nothing."""

    def __init__(self, role: Any, inbox: Any, *rest: Any) -> None:
        super().__init__(role, inbox, *rest)
        inbox.on_take = lambda _: None

    async def follow(self) -> None:
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


if __name__ == "__main__":
    with ExitStack() as patches:
        for name, replacement in {
            "posters.worker.Watchdog": NoWatchdog,
            "posters.worker.Lag": NoLag,
            "posters.roles.CrashJournal": NoJournal,
            "posters.roles.DeadLetterLimit": NoFuse,
            "posters.roles.BreakingStore": no_breaker,
        }.items():
            patches.enter_context(patch(name, replacement))
        main()
