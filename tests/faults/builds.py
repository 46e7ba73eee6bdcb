"""The builds of Posterstream that run beside each other: this one, and the one before the code was rearranged."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.flow.system import REPOSITORY

EARLIER_COMMIT: Final = "c69c1bd485af2ee17247a5e72d2af8aec2b0fa38"


class BuildError(AssertionError):
    """The earlier build cannot be made here; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """A build: its command, and the directory to call it in."""

    name: str
    command: tuple[str, ...]
    directory: Path

    def environment(self) -> dict[str, str]:
        """Return our environment, without the path on which an installed build would import this repository."""
        return {name: value for name, value in os.environ.items() if self is THIS_BUILD or name != "PYTHONPATH"}

    def run(self, *arguments: str, **environment: str) -> None:
        """Run a command of this build. Raises AssertionError where it fails."""
        done = subprocess.run(
            [*self.command, *arguments],
            cwd=self.directory,
            env={**self.environment(), **environment},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"`posters {' '.join(arguments)}` of {self.name}: {done.stderr}"


THIS_BUILD: Final = Build(name="this build", command=(sys.executable, "-m", "posters"), directory=REPOSITORY)


def earlier_build(commit: str = EARLIER_COMMIT) -> Build:
    """Return the build of an earlier commit; the first call installs it. Raises BuildError, with the reason."""
    made = subprocess.run(
        [REPOSITORY / "scripts" / "earlier-build.sh", commit], capture_output=True, text=True, check=False
    )
    if made.returncode != 0:
        raise BuildError(made.stderr.strip())
    commands = Path(made.stdout.strip())
    return Build(name="the earlier build", command=(str(commands / "posters"),), directory=commands)
