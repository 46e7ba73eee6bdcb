"""Work that is given up when what it depends on ends."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class EndedError(Exception):
    """What the work depends on has ended; the work was given up."""


async def cancel_on(work: Awaitable[T], *ends: asyncio.Event) -> T:
    """Return what `work` returns. Raises EndedError as soon as one of the events is set, however stuck the work is."""
    task = asyncio.ensure_future(work)
    waits = [asyncio.ensure_future(end.wait()) for end in ends]
    try:
        await asyncio.wait((task, *waits), return_when=asyncio.FIRST_COMPLETED)
        if any(end.is_set() for end in ends):
            raise EndedError
        return task.result()
    finally:
        for each in (task, *waits):
            each.cancel()
        await asyncio.gather(task, *waits, return_exceptions=True)
