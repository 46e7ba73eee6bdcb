"""Ends a process that hangs, so that its supervisor starts another and its records are delivered again.

It is a thread: whatever blocks the event loop cannot block it. What blocks even threads (an extension that keeps the
interpreter to itself) is ended by `faulthandler`, whose timer needs no interpreter.
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

from streams.liveness import Liveness, LivenessSnapshot

logger = logging.getLogger(__name__)

EXIT_CODE: Final = 70
"""EX_SOFTWARE of sysexits.h."""
EVERY_SECONDS: Final = 1.0
PATIENCE_WITH_ONE: Final = 5
"""A record may be in hand for so many times the limit while others are finished beside it."""
LAST_WORDS_SECONDS: Final = 5.0
"""How long writing the stacks may take: a log that nobody reads would hold us for ever."""

End = Callable[[str], None]


class HangDetector:
    """Decides whether one role hangs, from looks at it. Standing still for a declared reason is not hanging."""

    def __init__(self, role: str, limit: float) -> None:
        self._role = role
        self._limit = limit
        self._last: LivenessSnapshot | None = None
        self._idle_seconds = 0.0
        self._oldest_seconds = 0.0

    def verdict(self, look: LivenessSnapshot, seconds: float) -> str | None:
        """Return what is wrong with the role, or None. `seconds` is the time since the look before."""
        last, self._last = self._last, look
        if last is None or look.waiting or not look.busy:
            self._idle_seconds = self._oldest_seconds = 0.0
            return None
        self._idle_seconds = 0.0 if look.finished != last.finished else self._idle_seconds + seconds
        self._oldest_seconds = 0.0 if look.oldest != last.oldest else self._oldest_seconds + seconds
        if self._idle_seconds > self._limit:
            return f"{self._role}: records are in hand and none was finished for {self._idle_seconds:.0f} s"
        if look.oldest is not None and self._oldest_seconds > PATIENCE_WITH_ONE * self._limit:
            topic, partition, offset = look.oldest
            return f"{self._role}: {topic}[{partition}]@{offset} has been in hand for {self._oldest_seconds:.0f} s"
        return None


class Watchdog:
    """Looks at the loop and at every role each second; ends the process where one hangs for `limit` seconds."""

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
        self._looks: list[LivenessSnapshot] | None = []
        self._silent_seconds = 0.0
        self._last_step = clock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def watch(self, roles: Sequence[Liveness]) -> None:
        """Look at these roles from now on."""
        self._watched = [(role, HangDetector(role.role, self._limit)) for role in roles]

    def start(self) -> None:
        """Begin to look."""
        self._last_step = self._clock()
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._stopped.set()
        faulthandler.cancel_dump_traceback_later()

    def step(self) -> None:
        """Judge what the loop answered since the last step, and ask it again."""
        now = self._clock()
        # A process that was itself stopped, or a machine that slept, is not one that hangs.
        seconds, self._last_step = min(now - self._last_step, 2 * EVERY_SECONDS), now
        looks, self._looks = self._looks, None
        if looks is None:
            self._silent_seconds += seconds
            if self._silent_seconds > self._limit:
                self._end(f"the event loop has not answered for {self._silent_seconds:.0f} s")
            return
        self._silent_seconds = 0.0
        for (_, judge), look in zip(self._watched, looks, strict=False):
            wrong = judge.verdict(look, seconds)
            if wrong is not None:
                self._end(wrong)
        self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self._looks = [progress.look() for progress, _ in self._watched]

    def _run(self) -> None:
        while not self._stopped.wait(EVERY_SECONDS):
            faulthandler.dump_traceback_later(2 * self._limit, exit=True)
            try:
                self.step()
            except RuntimeError:  # the loop is closed: the process is ending by itself
                return


def end_process(reason: str, loop: asyncio.AbstractEventLoop) -> None:
    """Log the reason and every stack, then end the process at once."""
    last_words = threading.Timer(LAST_WORDS_SECONDS, os._exit, (EXIT_CODE,))
    last_words.daemon = True
    last_words.start()
    logger.critical("ending this process: %s\n%s", reason, describe_stacks(loop))
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
