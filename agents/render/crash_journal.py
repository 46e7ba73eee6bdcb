"""Crash journal: files that name the posters this machine's workers are rendering, to recognise poison messages.

A poster that was in progress when its worker crashed twice is treated as a poison message: it fails, instead of ending
one worker after the other.
"""

import hashlib
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

from renderer.errors import RenderError

logger = logging.getLogger(__name__)

CRASH_LIMIT: Final = 2
TTL_SECONDS: Final = 86_400.0


def default_directory() -> Path:
    """Return the directory of the crash journal of this user's workers."""
    return Path(tempfile.gettempdir()) / f"posters-journal-{os.getuid()}"


class CrashJournal:
    """One small file for each poster in progress. A file whose worker no longer runs counts as a crash.

    A graceful shutdown removes the worker's files, so an interruption is no crash. Where the directory cannot be
    written, the journal is off and posters are rendered without it.
    """

    def __init__(self, directory: Path, worker: str | None = None) -> None:
        self._directory = directory
        self._worker = worker or f"{os.getpid()}.{_started(os.getpid())}"
        self._usable = False

    def open(self) -> None:
        """Create the directory, and remove files older than `TTL_SECONDS`."""
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True, parents=True)
            for path in self._directory.iterdir():
                if path.stat().st_mtime < time.time() - TTL_SECONDS:
                    path.unlink(missing_ok=True)
            self._usable = os.access(self._directory, os.W_OK | os.X_OK)
        except OSError as error:
            logger.warning("the crash journal is off, posters that crash their worker are not recognised: %s", error)

    @contextmanager
    def entry(self, event_id: UUID) -> Iterator[None]:
        """Record that a poster is in progress. Raises RenderError `renderer_crashed` after `CRASH_LIMIT` crashes."""
        if not self._usable:
            yield
            return
        path = self._directory / hashlib.sha256(event_id.bytes).hexdigest()[:32]
        crashes = self._crashes(path)
        if crashes >= CRASH_LIMIT:
            path.unlink(missing_ok=True)
            raise RenderError("renderer_crashed", f"{crashes} workers died while they were making this poster")
        try:
            path.write_text(f"{crashes} {self._worker}")
        except OSError as error:
            logger.warning("the crash journal cannot record a poster: %s", error)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    def _crashes(self, path: Path) -> int:
        try:
            before, worker = path.read_text().split()
            return int(before) + (0 if worker == self._worker or _is_alive(worker) else 1)
        except (OSError, ValueError):
            return 0


def _is_alive(worker: str) -> bool:
    process, _, started = worker.partition(".")
    return process.isdecimal() and _started(int(process)) == started


def _started(process: int) -> str:
    """Return when a process started, in ticks since boot; a process id that is used again has another start."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    # A zombie, which its parent has not waited for, is still listed.
    return "" if fields[0] in "ZX" else fields[19]
