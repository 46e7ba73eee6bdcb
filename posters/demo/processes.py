"""The demo's processes: each with a log of its own, all ended with the demo."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from posters.main import CommandError

PATIENCE_SECONDS: Final = 25.0


class Processes:
    """Children of the demo."""

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
        """Run a process to its end and return what it printed. Raises CommandError where it fails."""
        done = subprocess.run(
            command, cwd=directory, env=self._environment, capture_output=True, text=True, check=False
        )
        (self._logs / f"{name}.log").write_text(done.stdout + done.stderr, encoding="utf-8")
        if done.returncode:
            raise CommandError(f"{name} failed:\n{done.stdout}{done.stderr}".rstrip())
        return done.stdout

    def check(self) -> None:
        """Raise CommandError where one that should be running has ended."""
        for name, child in self._children.items():
            if child.poll() is not None:
                raise CommandError(
                    f"{name} ended with code {child.returncode}; its last words are in {self._logs / f'{name}.log'}"
                )

    def stop(self) -> None:
        """End every process: TERM, and KILL for one that does not go."""
        for child in self._children.values():
            if child.poll() is None:
                child.terminate()
        until = time.monotonic() + PATIENCE_SECONDS
        for child in self._children.values():
            try:
                child.wait(max(0.0, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self._files.close()
