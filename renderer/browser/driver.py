"""The port between the renderer and Chromium's process: a driver launches the browser and connects to it.

There are two. `pipe_driver` spawns Chromium and uses its DevTools pipes itself; it relies on process tools of the Linux
kernel. `playwright_driver` lets Playwright do both, through its Node process. That costs processor time and memory, but
works without those tools, and with a Chromium whose pipe changes. Decision 21 has the figures.
"""

import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol

from renderer.browser.devtools import Connection

DriverName = Literal["pipe", "playwright"]

DEFAULT_DRIVER: Final[DriverName] = "pipe" if sys.platform == "linux" else "playwright"
"""The pipe where Chromium can be spawned in a session of its own and watched through pidfd and /proc."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserCommand:
    """What to launch. `scratch` is a directory for whatever the browser or its driver writes."""

    binary: Path
    arguments: Sequence[str]
    environment: Mapping[str, str]
    scratch: Path


class BrowserProcess(Protocol):
    """A Chromium that a driver has launched. It leads a process group of its own."""

    @property
    def connection(self) -> Connection:
        """The DevTools connection to it."""

    @property
    def group(self) -> int:
        """The process group, which is the id of the browser process; its memory and end are watched there."""

    @property
    def driver_process(self) -> int | None:
        """The process of the driver between this one and the browser; None where there is none."""

    def last_errors(self) -> str:
        """Return the end of what the browser wrote to standard error, on one line; empty where nobody knows."""

    async def release(self) -> None:
        """Free what the driver holds beside the browser, once that was killed. Never raises."""


class LaunchError(Exception):
    """The driver could not launch the browser; the message says why."""


Launch = Callable[[BrowserCommand], Awaitable[BrowserProcess]]
"""Launches a browser and connects to it. Raises LaunchError, and leaves no process behind then."""
