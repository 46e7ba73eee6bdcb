"""Crash journal: files that name the posters this machine's workers are rendering, to recognise poison messages.

A poster that was in progress when its worker crashed twice is treated as a poison message: it fails, instead of ending
one worker after the other.
"""

import contextlib
import hashlib
import logging
import os
import stat
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
_FILE_MAX_CHARACTERS: Final = 200


def default_directory() -> Path:
    """Return the directory of the crash journal of this user's workers."""
    return Path(tempfile.gettempdir()) / f"posters-journal-{os.getuid()}"


class CrashJournal:
    """One small file for each poster in progress. A file whose worker no longer runs counts as a crash.

    A graceful shutdown removes the worker's files, so an interruption is no crash. Where the directory cannot be
    written, the journal is off and posters are rendered without it; so it is where somebody else could have written to
    it. Files are reached through the opened directory, so that nothing put in its place later is followed.
    """

    def __init__(self, directory: Path, worker: str | None = None) -> None:
        self._directory = directory
        self._worker = worker or f"{os.getpid()}.{_started(os.getpid())}"
        self._descriptor: int | None = None

    def open(self) -> None:
        """Create the directory, and remove files older than `TTL_SECONDS`."""
        try:
            self._directory.mkdir(mode=0o700, exist_ok=True, parents=True)
            descriptor = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                self._check(descriptor)
                self._remove_old(descriptor)
            except OSError:
                os.close(descriptor)
                raise
            self._descriptor = descriptor
        except OSError as error:
            logger.warning("the crash journal is off, posters that crash their worker are not recognised: %s", error)

    def _check(self, descriptor: int) -> None:
        """Raise OSError where the directory is not this user's alone, or cannot be written."""
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or status.st_mode & 0o022:
            raise PermissionError(
                f"{self._directory} belongs to another user or is writable by others; remove it, or set TMPDIR"
            )
        if not os.access(".", os.W_OK | os.X_OK, dir_fd=descriptor):
            raise PermissionError(f"{self._directory} is not writable")

    @staticmethod
    def _remove_old(descriptor: int) -> None:
        for name in os.listdir(descriptor):
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            if status.st_mtime < time.time() - TTL_SECONDS and stat.S_ISREG(status.st_mode):
                os.unlink(name, dir_fd=descriptor)

    @contextmanager
    def entry(self, event_id: UUID) -> Iterator[None]:
        """Record that a poster is in progress. Raises RenderError `renderer_crashed` after `CRASH_LIMIT` crashes."""
        descriptor = self._descriptor
        if descriptor is None:
            yield
            return
        name = hashlib.sha256(event_id.bytes).hexdigest()[:32]
        crashes = self._crashes(descriptor, name)
        if crashes >= CRASH_LIMIT:
            _unlink(descriptor, name)
            raise RenderError("renderer_crashed", f"{crashes} workers died while they were making this poster")
        try:
            _write(descriptor, name, f"{crashes} {self._worker}")
        except OSError as error:
            logger.warning("the crash journal cannot record a poster: %s", error)
        try:
            yield
        finally:
            _unlink(descriptor, name)

    def _crashes(self, descriptor: int, name: str) -> int:
        try:
            before, worker = _read(descriptor, name).split()
            return int(before) + (0 if worker == self._worker or _is_alive(worker) else 1)
        except (OSError, ValueError):
            return 0


def _read(directory: int, name: str) -> str:
    """Return the text of a file. Raises OSError, also where it is a link or another user's."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory)
    with os.fdopen(descriptor, encoding="ascii") as file:
        status = os.fstat(descriptor)
        if status.st_uid != os.geteuid() or not stat.S_ISREG(status.st_mode):
            raise PermissionError(f"{name} is not a file of this user")
        return file.read(_FILE_MAX_CHARACTERS)


def _write(directory: int, name: str, text: str) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=directory), "w", encoding="ascii") as file:
        file.write(text)


def _unlink(directory: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=directory)


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
