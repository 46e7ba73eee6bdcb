"""Heartbeat of a long-running command: a file that says when the command last worked, and its check.

A service manager or a container asks `--check`, which needs neither the database nor the broker.
"""

import json
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

logger = logging.getLogger(__name__)

INTERVAL_SECONDS: Final = 1.0
MAX_AGE_SECONDS: Final = 60.0
"""A command that has not worked for so long hangs. The longest wait for the broker takes ten seconds."""


def default_path(command: str, site: str) -> Path:
    """Return the file of a site's command in the directory for temporary files."""
    return Path(tempfile.gettempdir()) / f"{command}-{site}.heartbeat"


class Heartbeat:
    """Writes the file, at most once a second. Where that fails, it logs one warning and the command goes on."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._clock = clock
        self._next = 0.0
        self._waits_for = ""
        self._warned = False

    def beat(self, waits_for: str = "") -> None:
        """Note that the command works, or what it waits for."""
        now = self._clock()
        if now < self._next and waits_for == self._waits_for:
            return
        self._next, self._waits_for = now + INTERVAL_SECONDS, waits_for
        try:
            self._write(json.dumps({"at": now, "pid": os.getpid(), "waits_for": waits_for}))
        except OSError as error:
            if not self._warned:
                logger.warning("the heartbeat cannot be written: %s; choose another --heartbeat-file", error)
            self._warned = True

    def remove(self) -> None:
        """Remove the file: the command ends."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("the heartbeat cannot be removed: %s", error)

    def _write(self, text: str) -> None:
        # Readers see the old file or the new one. In a shared directory nobody else can have this one opened.
        handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(name).chmod(0o644)
            Path(name).replace(self._path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise


def check(path: Path, command: str, *, max_age: float = MAX_AGE_SECONDS, now: float | None = None) -> tuple[bool, str]:
    """Return whether the command works, and a sentence about it."""
    try:
        beat = json.loads(path.read_text(encoding="utf-8"))
        at, pid, waits_for = float(beat["at"]), int(beat["pid"]), re.sub(r"\s+", " ", str(beat["waits_for"]))
    except FileNotFoundError:
        return False, f"{command} does not run, or writes another file than {path}: see --heartbeat-file."
    except (OSError, ValueError, KeyError, TypeError) as error:
        return False, f"The heartbeat of {command} in {path} cannot be read: {error!r}."
    age = max(0.0, (time.time() if now is None else now) - at)
    if age > max_age:
        return (
            False,
            f"{command} (process {pid}) has not worked for {age:.0f} s, {max_age:.0f} s are allowed; restart it.",
        )
    state = f"and waits: {waits_for}" if waits_for else "and works"
    return True, f"{command} (process {pid}) runs {state}; its last heartbeat is {age:.0f} s old."
