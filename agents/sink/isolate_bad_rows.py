"""Isolating a poison message: halve a batch that the database refuses until the bad record stands alone."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from agents.metrics import SINK_BISECTIONS
from agents.postgres import BadRowError

T = TypeVar("T")


async def isolate_bad_rows(
    items: Sequence[T],
    write: Callable[[Sequence[T]], Awaitable[None]],
    reject: Callable[[T, BadRowError], Awaitable[None]],
) -> None:
    """Call `write` on the items, in order; where it raises BadRowError, on each half, down to one item.

    An item that fails alone goes to `reject`. One bad item in n costs 2 × log2(n) more writes at most.
    """
    try:
        await write(items)
    except BadRowError as error:
        if len(items) == 1:
            await reject(items[0], error)
            return
        SINK_BISECTIONS.inc()
        middle = len(items) // 2
        await isolate_bad_rows(items[:middle], write, reject)
        await isolate_bad_rows(items[middle:], write, reject)
