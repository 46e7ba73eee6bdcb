"""Which posters this machine's workers are making, on disk: a poster that ends its worker would do so for ever."""

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

DEATHS: Final = 2
KEPT_SECONDS: Final = 86_400.0


def default_directory() -> Path:
    """Return where the workers of this user keep their journal."""
    return Path(tempfile.gettempdir()) / f"posters-journal-{os.getuid()}"


class CrashJournal:
    """A small file for each poster that is being made; one whose worker is gone tells of its end.

    A worker that stops properly removes its files, so being interrupted does not count. Where the directory cannot be
    written there is no journal, and posters are made all the same.
    """

    def __init__(self, directory: Path, worker: str | None = None) -> None:
        self._directory = directory
        self._worker = worker or f"{os.getpid()}.{_started(os.getpid())}"
        self._usable = False

    def open(self) -> None:
        """Make the directory and forget what is a day old."""
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True, parents=True)
            for path in self._directory.iterdir():
                if path.stat().st_mtime < time.time() - KEPT_SECONDS:
                    path.unlink(missing_ok=True)
            self._usable = os.access(self._directory, os.W_OK | os.X_OK)
        except OSError as error:
            logger.warning("posters that end their worker are not recognised: %s", error)

    @contextmanager
    def entry(self, event_id: UUID) -> Iterator[None]:
        """Note that a poster is being made. Raises RenderError `renderer_crashed` where two workers died of it."""
        if not self._usable:
            yield
            return
        path = self._directory / hashlib.sha256(event_id.bytes).hexdigest()[:32]
        deaths = self._deaths(path)
        if deaths >= DEATHS:
            path.unlink(missing_ok=True)
            raise RenderError("renderer_crashed", f"{deaths} workers died while they were making this poster")
        try:
            path.write_text(f"{deaths} {self._worker}")
        except OSError as error:
            logger.warning("not in the journal: %s", error)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    def _deaths(self, path: Path) -> int:
        try:
            before, worker = path.read_text().split()
            return int(before) + (0 if worker == self._worker or _is_alive(worker) else 1)
        except (OSError, ValueError):
            return 0


def _is_alive(worker: str) -> bool:
    process, _, started = worker.partition(".")
    return process.isdecimal() and _started(int(process)) == started


def _started(process: int) -> str:
    """Return when a process started, in ticks since boot, so that a number used again is another process."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    # A dead process that nobody has asked for yet is still listed.
    return "" if fields[0] in "ZX" else fields[19]
