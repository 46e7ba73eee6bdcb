"""Draws again after each change; changes that come while it draws are one more drawing, and none is missed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable


async def redraw(draw: Callable[[], Awaitable[None]], changes: AsyncIterator[None]) -> None:
    """Draw now and after each change, until there are no more changes."""
    while True:
        upcoming = asyncio.ensure_future(_is_next(changes))
        try:
            # The watch is in place before the files are read: a change after that is the next one.
            await asyncio.sleep(0)
            await draw()
            if not await upcoming:
                return
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)


async def _is_next(changes: AsyncIterator[None]) -> bool:
    try:
        await anext(changes)
    except StopAsyncIteration:
        return False
    return True
