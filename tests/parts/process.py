"""A server process: started until it is ready, stopped by its id, with its log."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

_LOG_TAIL = 4_000
_POLL_SECONDS = 0.02


class PartError(Exception):
    """A part is not installed, did not start or did not stop; the message says which and what to do."""


class ServerProcess:
    """A server that may be stopped, killed and started again with the same command."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        user: str | None = None,
    ) -> None:
        self.name = name
        self.log = log
        self._command = bound_to_us([str(part) for part in command], stop_signal, user)
        self._environment = {**os.environ, **(environment or {})}
        self._stop_signal = stop_signal
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id. Raises PartError if the server does not run."""
        if self._process is None:
            raise PartError(f"{self.name} is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is running."""
        return self._process is not None and self._process.poll() is None

    def start(self, ready: Callable[[], bool], *, seconds: float = 60) -> None:
        """Start the server and return once `ready()` holds. Raises PartError with the log's end if it never does."""
        if self.running:
            raise PartError(f"{self.name} already runs as process {self.pid}")
        with self.log.open("ab") as log:
            # A session of its own: Ctrl-C must reach only us; we then stop the server cleanly.
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment,
                cwd=self.log.parent,
                start_new_session=True,
            )
        deadline = time.monotonic() + seconds
        while not ready():
            if not self.running:
                raise PartError(f"{self.name} ended with code {self._process.returncode} at its start:\n{self._tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise PartError(f"{self.name} was not ready after {seconds:g} s:\n{self._tail()}")
            time.sleep(_POLL_SECONDS)

    def stop(self, *, seconds: float = 30) -> None:
        """Stop the server, and kill it after `seconds`. Does nothing if it is not running."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(self._stop_signal)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def kill(self) -> None:
        """Kill the server and its children, as in a power cut. Does nothing if it is not running."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait()
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
        while any(_is_alive(child) for child in children):
            time.sleep(_POLL_SECONDS)

    def _tail(self) -> str:
        return self.log.read_text(errors="replace")[-_LOG_TAIL:]


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def bound_to_us(command: list[str], death_signal: signal.Signals, user: str | None = None) -> list[str]:
    """Return the command, wrapped so that the kernel sends it this signal when our process dies."""
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise PartError("`setpriv` is missing: install util-linux")
    options = [f"--pdeathsig={death_signal.name.removeprefix('SIG')}"]
    if user is not None:
        options += [f"--reuid={user}", f"--regid={user}", "--init-groups"]
    return [setpriv, *options, "--", *command]
