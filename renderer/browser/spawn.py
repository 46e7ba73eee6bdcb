"""Start Chromium's process, with the two pipes through which it is spoken to."""

import fcntl
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

COMMANDS: Final = 3
ANSWERS: Final = 4
"""The descriptors at which Chromium, told `--remote-debugging-pipe`, reads commands and writes answers."""
_ABOVE: Final = 10
_ERRORS_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class Spawned:
    """A process that leads a process group and a session of its own."""

    process: int
    reading: int
    """What it answers is read here."""
    writing: int
    """What it is told is written here."""


def spawn(binary: Path, arguments: Sequence[str], environment: Mapping[str, str], errors: Path) -> Spawned:
    """Start `binary`; what it writes on its way goes to `errors`. The caller closes both descriptors.

    Raises OSError when there is no such program.
    """
    pipes = [*_pipe(), *_pipe()]
    commands, writing, reading, answers = pipes
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, str(errors), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, commands, COMMANDS),
        (os.POSIX_SPAWN_DUP2, answers, ANSWERS),
    ]
    try:
        process = os.posix_spawn(
            binary, [str(binary), *arguments], dict(environment), file_actions=actions, setsid=True
        )
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    finally:
        os.close(commands)
        os.close(answers)
    return Spawned(process, reading, writing)


def last_words(errors: Path) -> str:
    """Return the end of what the process wrote, on one line."""
    try:
        return " ".join(errors.read_text(errors="replace").split())[-_ERRORS_SHOWN:]
    except OSError:
        return ""


def _pipe() -> list[int]:
    """Return the two ends of a pipe, none of which has a number that the process is given."""
    ends = os.pipe()
    try:
        return [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _ABOVE) for end in ends]
    finally:
        for end in ends:
            os.close(end)
