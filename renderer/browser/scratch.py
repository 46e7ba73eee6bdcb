"""Scratch directories: one for the files of each browser, deleted with it, or by the next worker after a crash."""

import fcntl
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

PREFIX: Final = "posters-render-"
LOCK: Final = "owner.lock"


class Scratch:
    """A locked directory. The kernel drops the lock when this process ends, so that others can recognise an orphan."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self.path / LOCK, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Delete the directory. Removing it twice does nothing."""
        if self._lock < 0:
            return
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
        self._lock = -1


def _open_lock(directory: Path) -> int:
    """Open the lock of this user's directory. Raises OSError where either is a link or another user's."""
    opened = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        if os.fstat(opened).st_uid != os.geteuid():
            raise PermissionError(f"{directory} belongs to another user")
        return os.open(LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=opened)
    finally:
        os.close(opened)


def remove_orphans() -> int:
    """Delete the directories whose process has ended; return how many."""
    removed = 0
    for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        try:
            lock = _open_lock(directory)
        except OSError:
            continue  # a link, another user's, or one that is being created or removed at this moment
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            continue
        else:
            shutil.rmtree(directory, ignore_errors=True)
            removed += 1
        finally:
            os.close(lock)
    return removed
