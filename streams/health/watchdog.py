"""Watchdog: ends a process that hangs, so that its supervisor restarts it and its records are delivered again.

It runs in a thread, which a blocked event loop does not block. Code that holds the interpreter lock blocks threads too;
`faulthandler`, whose timer does not need the interpreter, ends the process then.
"""

import asyncio
import faulthandler
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Any, Final

from streams.health.liveness import Liveness, LivenessSnapshot

logger = logging.getLogger(__name__)

EXIT_CODE: Final = 70
"""EX_SOFTWARE of sysexits.h."""
EVERY_SECONDS: Final = 1.0
SINGLE_RECORD_FACTOR: Final = 5
"""A single record may be in flight for this many times the limit while other records are finished."""
STACK_DUMP_SECONDS: Final = 5.0
"""How long logging the stacks may take: writing to a pipe that nobody reads blocks without end."""

End = Callable[[str], None]


class HangDetector:
    """Decides from snapshots whether one role hangs. A declared wait is not a hang."""

    def __init__(self, role: str, limit: float) -> None:
        self._role = role
        self._limit = limit
        self._last: LivenessSnapshot | None = None
        self._idle_seconds = 0.0
        self._oldest_seconds = 0.0

    def verdict(self, snapshot: LivenessSnapshot, seconds: float) -> str | None:
        """Return how the role hangs, or None. `seconds` is the time since the snapshot before."""
        last, self._last = self._last, snapshot
        if last is None or snapshot.waiting or not snapshot.busy:
            self._idle_seconds = self._oldest_seconds = 0.0
            return None
        self._idle_seconds = 0.0 if snapshot.finished != last.finished else self._idle_seconds + seconds
        self._oldest_seconds = 0.0 if snapshot.oldest != last.oldest else self._oldest_seconds + seconds
        if self._idle_seconds > self._limit:
            return f"{self._role}: records are in flight and none was finished for {self._idle_seconds:.0f} s"
        if snapshot.oldest is not None and self._oldest_seconds > SINGLE_RECORD_FACTOR * self._limit:
            topic, partition, offset = snapshot.oldest
            return f"{self._role}: {topic}[{partition}]@{offset} has been in flight for {self._oldest_seconds:.0f} s"
        return None


class Watchdog:
    """Checks the event loop and every role each second; ends the process where one hangs for `limit` seconds."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        limit: float,
        *,
        end: End | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loop = loop
        self._limit = limit
        self._end = end or (lambda reason: end_process(reason, loop))
        self._clock = clock
        self._watched: list[tuple[Liveness, HangDetector]] = []
        self._snapshots: list[LivenessSnapshot] | None = []
        self._silent_seconds = 0.0
        self._last_step = clock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def watch(self, roles: Sequence[Liveness]) -> None:
        """Check these roles from now on."""
        self._watched = [(role, HangDetector(role.role, self._limit)) for role in roles]

    def start(self) -> None:
        """Start checking."""
        self._last_step = self._clock()
        self._thread.start()

    def stop(self) -> None:
        """Stop checking."""
        self._stopped.set()
        faulthandler.cancel_dump_traceback_later()

    def step(self) -> None:
        """Evaluate the snapshots that the loop took since the last step, and request the next ones."""
        now = self._clock()
        # A suspended process or machine is not one that hangs.
        seconds, self._last_step = min(now - self._last_step, 2 * EVERY_SECONDS), now
        snapshots, self._snapshots = self._snapshots, None
        if snapshots is None:
            self._silent_seconds += seconds
            if self._silent_seconds > self._limit:
                self._end(f"the event loop has not answered for {self._silent_seconds:.0f} s")
            return
        self._silent_seconds = 0.0
        for (_, detector), snapshot in zip(self._watched, snapshots, strict=False):
            hang = detector.verdict(snapshot, seconds)
            if hang is not None:
                self._end(hang)
        self._loop.call_soon_threadsafe(self._take_snapshots)

    def _take_snapshots(self) -> None:
        self._snapshots = [liveness.snapshot() for liveness, _ in self._watched]

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_SECONDS):
            faulthandler.dump_traceback_later(2 * self._limit, exit=True)
            try:
                self.step()
            except RuntimeError:  # the loop is closed: the process is ending by itself
                return


def end_process(reason: str, loop: asyncio.AbstractEventLoop) -> None:
    """Log the reason and every stack, then end the process at once."""
    deadline = threading.Timer(STACK_DUMP_SECONDS, os._exit, (EXIT_CODE,))
    deadline.daemon = True
    deadline.start()
    message = "ending this process: %s"
    record = logger.makeRecord(logger.name, logging.CRITICAL, __file__, 0, message, (reason,), None, "end_process")
    record.stack_info = describe_stacks(loop)  # not in the message, which is one line
    logger.handle(record)
    logging.shutdown()
    os._exit(EXIT_CODE)


def describe_stacks(loop: asyncio.AbstractEventLoop) -> str:
    """Return the stacks of all threads and of the loop's tasks, as text."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    for identity, frame in sys._current_frames().items():
        stack = "".join(traceback.format_stack(frame))
        parts.append(f"thread {names.get(identity, identity)}:\n{stack}")
    for task in asyncio.all_tasks(loop):
        stack = "".join("".join(traceback.format_stack(frame, limit=1)) for frame in _frames(task))
        parts.append(f"task {task.get_name()}:\n{stack}")
    return "\n".join(parts)


def _frames(task: asyncio.Task[Any]) -> Iterator[FrameType]:
    """Yield the frames of a task down to where it waits; `Task.get_stack` stops at the outermost."""
    awaited: Any = task.get_coro()
    while awaited is not None:
        frame = getattr(awaited, "cr_frame", None) or getattr(awaited, "gi_frame", None)
        if frame is not None:
            yield frame
        awaited = getattr(awaited, "cr_await", None) or getattr(awaited, "gi_yieldfrom", None)
