"""Cooperative scheduling: long work in short slices, so that what waits for the event loop is not delayed.

A worker runs several roles on one event loop. A poster passes it dozens of times, and each time waits for all tasks
that are ready: what one of them does at a time is what every poster waits.
"""

import asyncio
from typing import Final

SLICE_SECONDS: Final = 0.003
"""How long a task works before the other tasks of this process have their turn."""
SLICE_PASSES: Final = 2
"""Passes of the event loop that the other tasks have between two slices, at least."""
LOOP_PASSES: Final = 10
"""Passes of the event loop that they have at most, while they are busy."""
BUSY_PASS_SECONDS: Final = 0.0003
"""How long a pass of the event loop takes, at least, while other tasks have work."""


async def let_others_run(passes: int = SLICE_PASSES) -> None:
    """Let the other tasks of this process run for so many passes of the event loop, or for more while they are busy."""
    clock = asyncio.get_running_loop().time
    for number in range(LOOP_PASSES):
        began = clock()
        await asyncio.sleep(0)
        if number + 1 >= passes and clock() - began < BUSY_PASS_SECONDS:
            return


class TimeSlices:
    """The slices of some work, which begins when this is constructed."""

    def __init__(self) -> None:
        self._clock = asyncio.get_running_loop().time
        self._ends = self._clock() + SLICE_SECONDS

    async def end_slice_if_due(self) -> None:
        """Let the other tasks run where the slice is over; call this between short steps of the work."""
        if self._clock() > self._ends:
            await let_others_run()
            self._ends = self._clock() + SLICE_SECONDS
