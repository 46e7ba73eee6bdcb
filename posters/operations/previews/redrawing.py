"""Draws again after each change; changes that come while it draws are one more drawing, and none is missed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

SUPERSEDED_SECONDS: Final = 2.0
"""How long a drawing may go on after the next change. A template without an end would take half a minute."""


async def redraw(
    draw: Callable[[], Awaitable[None]],
    changes: AsyncIterator[None],
    superseded_seconds: float = SUPERSEDED_SECONDS,
) -> None:
    """Draw now and after each change, until there are no more changes."""
    while True:
        upcoming = asyncio.ensure_future(_is_next(changes))
        try:
            # The watch is in place before the files are read: a change after that is the next one.
            await asyncio.sleep(0)
            await _draw_unless_superseded(draw, upcoming, superseded_seconds)
            if not await upcoming:
                return
        finally:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)


async def _draw_unless_superseded(
    draw: Callable[[], Awaitable[None]], upcoming: asyncio.Future[bool], superseded_seconds: float
) -> None:
    """Draw, or give up if that takes longer than `superseded_seconds` after the next change."""
    drawing = asyncio.ensure_future(draw())
    try:
        either: set[asyncio.Future[Any]] = {drawing, upcoming}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not drawing.done():
            await asyncio.wait({drawing}, timeout=superseded_seconds if upcoming.result() else None)
        if drawing.done():
            drawing.result()
    finally:
        drawing.cancel()
        await asyncio.gather(drawing, return_exceptions=True)


async def _is_next(changes: AsyncIterator[None]) -> bool:
    try:
        await anext(changes)
    except StopAsyncIteration:
        return False
    return True
