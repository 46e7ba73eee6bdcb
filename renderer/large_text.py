"""Work on texts of megabytes: in a thread, so that whoever sent one does not block the event loop for the others."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

LARGE: Final = 100_000
"""Characters or bytes; less is worked on in a few milliseconds, which a thread would only make longer."""

T = TypeVar("T")


async def off_the_loop(work: Callable[[], T], size: int) -> T:
    """Return what `work`, which reads a text of this size, returns. Raises what it raises."""
    return work() if size <= LARGE else await asyncio.to_thread(work)
