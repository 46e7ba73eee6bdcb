"""Scratch directories: one for the files of each browser, deleted with it, or by the next worker after a crash."""

import fcntl
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Final

PREFIX: Final = "posters-render-"
LOCK: Final = "owner.lock"
_READ: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_DIRECTORY: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY


class Scratch:
    """A locked directory. The kernel drops the lock when this process ends, so that others can recognise an orphan."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = os.open(self.path / LOCK, os.O_CREAT | os.O_EXCL | _READ, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def remove(self) -> None:
        """Delete the directory. Removing it twice does nothing."""
        if self._lock < 0:
            return
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock)
        self._lock = -1


def remove_orphans() -> int:
    """Delete the directories whose process has ended; return how many.

    The directory for temporary files may be everybody's: what is a link, or another user's, or open to others, was not
    made here and is left alone.
    """
    return sum(_remove_orphan(directory) for directory in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"))


def _remove_orphan(directory: Path) -> bool:
    lock = _own_lock(directory)
    if lock is None:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        shutil.rmtree(directory, ignore_errors=True)
        return True
    finally:
        os.close(lock)


def _own_lock(directory: Path) -> int | None:
    """Return the open lock of a directory that a worker of this user made; None for any other."""
    try:
        opened = os.open(directory, _DIRECTORY)
    except OSError:
        return None
    try:
        status = os.fstat(opened)
        if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) != stat.S_IRWXU:
            return None
        return os.open(LOCK, _READ, dir_fd=opened)
    except OSError:
        return None  # one that is being created or removed at this moment
    finally:
        os.close(opened)
