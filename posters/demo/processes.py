"""The demo's child processes: each with a log of its own, all stopped with the demo."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from posters.operations.errors import OperationError

STOP_TIMEOUT_SECONDS: Final = 25.0


class Processes:
    """The child processes of the demo, by name."""

    def __init__(self, logs: Path, environment: Mapping[str, str]) -> None:
        self._logs = logs
        self._environment = {**os.environ, **environment}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._files = ExitStack()

    def start(self, name: str, command: Sequence[str], directory: Path) -> None:
        """Start a process that runs beside the demo."""
        log = self._files.enter_context((self._logs / f"{name}.log").open("wb"))
        # In a session of its own, so that Ctrl-C reaches the demo alone, which then ends its children in order.
        self._children[name] = subprocess.Popen(
            command, cwd=directory, env=self._environment, stdout=log, stderr=log, start_new_session=True
        )

    def run(self, name: str, command: Sequence[str], directory: Path) -> str:
        """Run a process to its end and return what it printed. Raises OperationError where it fails."""
        done = subprocess.run(
            command, cwd=directory, env=self._environment, capture_output=True, text=True, check=False
        )
        (self._logs / f"{name}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        if done.returncode:
            raise OperationError(f"{name} failed:\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout

    def check(self) -> None:
        """Raise OperationError where a process that should be running has ended."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise OperationError(f"{name} ended with code {child.returncode}; see {self._logs / f'{name}.log'}")

    def stop(self) -> None:
        """Stop every process: TERM, then KILL for those still running after 25 s."""
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        deadline = time.monotonic() + STOP_TIMEOUT_SECONDS
        for child in self._children.values():
            try:
                child.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._files.close()
