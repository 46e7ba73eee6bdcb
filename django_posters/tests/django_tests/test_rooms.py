"""The rooms of the package depend on each other in one direction only."""

import os
import subprocess
import sys
from pathlib import Path

import django_posters

PROJECT = Path(__file__).parents[2]


def test_rooms_depend_downward_only() -> None:
    """import-linter finds no import from a lower room to a higher one, and no module without a place."""
    program = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as main; main()"]
    environment = os.environ | {"PYTHONPATH": str(Path(django_posters.__file__).parents[1])}

    done = subprocess.run(
        [*program, "--config", str(PROJECT / "pyproject.toml"), "--no-cache"],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts: 1 kept, 0 broken." in done.stdout
