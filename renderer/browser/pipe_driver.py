"""The pipe driver: spawns Chromium and speaks DevTools over `--remote-debugging-pipe`, without another process."""

import asyncio
import contextlib
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from renderer.browser import processes
from renderer.browser.devtools import Connection
from renderer.browser.driver import BrowserCommand, LaunchError

COMMANDS: Final = 3
ANSWERS: Final = 4
"""The descriptors where Chromium reads commands and writes answers with `--remote-debugging-pipe`."""
PIPE_BYTES: Final = 1024 * 1024
"""A picture then arrives in a few pieces. A user without the right to that much gets the kernel's default."""
_SET_PIPE_SIZE: Final = getattr(fcntl, "F_SETPIPE_SZ", None)
_MESSAGE_END: Final = b"\0"
_FIRST_FREE: Final = 10
"""Our own ends of the pipes get numbers from here on, so that they never collide with the two above."""
_ERRORS_SHOWN: Final = 300


@dataclass(frozen=True, slots=True)
class PipeProcess:
    """A Chromium spawned by us; it leads a process group and a session of its own."""

    connection: Connection
    group: int
    errors: Path

    @property
    def driver_process(self) -> None:
        """None: we speak to it ourselves."""

    def last_errors(self) -> str:
        """Return the end of its standard error, on one line."""
        try:
            return " ".join(self.errors.read_text(errors="replace").split())[-_ERRORS_SHOWN:]
        except OSError:
            return ""

    async def release(self) -> None:
        """Do nothing: both pipes are closed with the connection."""


class PipeTransport(asyncio.Protocol):
    """Messages over a pair of pipes, each ended by a zero byte. Chromium ends when they are closed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pieces: list[bytes] = []
        self._reading: asyncio.ReadTransport | None = None
        self._writing: asyncio.WriteTransport | None = None
        self._lost = False

    @classmethod
    async def open(cls, reading: int, writing: int) -> Connection:
        """Return a connection over two descriptors of pipes, which it owns from now on."""
        loop = asyncio.get_running_loop()
        connection = Connection()
        transport = cls(connection)
        if _SET_PIPE_SIZE is not None:
            with contextlib.suppress(PermissionError):
                fcntl.fcntl(reading, _SET_PIPE_SIZE, PIPE_BYTES)
        transport._reading, _ = await loop.connect_read_pipe(lambda: transport, os.fdopen(reading, "rb", 0))
        transport._writing, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(writing, "wb", 0))
        connection.connect(transport)
        return connection

    @property
    def is_open(self) -> bool:
        """Whether Chromium's end is open, as far as we know."""
        return not self._lost and self._writing is not None and not self._writing.is_closing()

    def write(self, message: bytes) -> None:
        """Write one message; what the pipe does not take at once is buffered."""
        if self._writing is not None:
            self._writing.write(message + _MESSAGE_END)

    def close(self) -> None:
        """Close both pipes, which ends the browser as well."""
        for transport in (self._reading, self._writing):
            if transport is not None:
                transport.close()

    def data_received(self, data: bytes) -> None:
        """Put messages together from the pieces that the pipe yields."""
        *ended, rest = data.split(_MESSAGE_END)
        for piece in ended:
            self._pieces.append(piece)
            message = b"".join(self._pieces)
            self._pieces.clear()
            self._connection.received(message)
        if rest:
            self._pieces.append(rest)

    def connection_lost(self, exc: Exception | None) -> None:
        """Report the end of the browser, which can come before both pipes are connected."""
        self._lost = True
        if self._writing is not None:
            self._writing.close()
        self._connection.ended()


async def launch(command: BrowserCommand) -> PipeProcess:
    """Spawn Chromium and connect to its pipes. Raises LaunchError."""
    errors = command.scratch / "errors.log"
    try:
        process, reading, writing = _spawn(command, errors)
    except OSError as error:
        raise LaunchError(str(error)) from error
    try:
        return PipeProcess(await PipeTransport.open(reading, writing), process, errors)
    except BaseException:
        processes.kill_group(process)
        await asyncio.to_thread(os.waitpid, process, 0)
        raise


def _spawn(command: BrowserCommand, errors: Path) -> tuple[int, int, int]:
    """Return the process's id and our ends of its pipes, to read from and to write to. Raises OSError."""
    commands, writing, reading, answers = [*_pipe(), *_pipe()]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, str(errors), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
        (os.POSIX_SPAWN_DUP2, commands, COMMANDS),
        (os.POSIX_SPAWN_DUP2, answers, ANSWERS),
    ]
    arguments = [str(command.binary), *command.arguments]
    try:
        process = os.posix_spawn(
            command.binary, arguments, dict(command.environment), file_actions=actions, setsid=True
        )
    except OSError:
        os.close(reading)
        os.close(writing)
        raise
    finally:
        os.close(commands)
        os.close(answers)
    return process, reading, writing


def _pipe() -> list[int]:
    """Return the two ends of a pipe, neither with a number that Chromium's ends are given."""
    ends = os.pipe()
    try:
        return [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _FIRST_FREE) for end in ends]
    finally:
        for end in ends:
            os.close(end)
