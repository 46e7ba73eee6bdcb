"""Builds a distribution, and makes environments that have its wheel, what that depends on, and nothing else."""

import subprocess
import sys
import venv
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


def build_distribution(project: Path, folder: Path) -> None:
    """Build the sdist of a project into `folder`, and the wheel from that sdist, which stays unpacked in `source`."""
    _build(project, folder, "sdist")
    (folder / "source").mkdir()
    # Debian 12's Python is older than the filters of tarfile.
    subprocess.run(["tar", "-xzf", next(folder.glob("*.tar.gz")), "-C", folder / "source"], check=True)
    _build(next((folder / "source").iterdir()), folder, "wheel")


def _build(project: Path, folder: Path, target: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def make_environment(folder: Path, wheel: Path, dependencies: set[str]) -> Path:
    """Install the wheel into a new environment beside links to what it depends on; return its Python."""
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    uv = subprocess.run([ROOT / "scripts" / "get-uv.sh"], capture_output=True, text=True, check=True).stdout.strip()
    options: list[str | Path] = ["--quiet", "--no-deps", "--offline", "--no-cache", "--python", python]
    subprocess.run([uv, "pip", "install", *options, wheel], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    for name in _with_dependencies(dependencies):
        for top in {Path(file).parts[0] for file in distribution(name).files or [] if ".." not in file.parts}:
            if top.endswith("__pycache__") or (packages / top).exists():
                continue
            (packages / top).symlink_to(Path(str(distribution(name).locate_file(top))))
    return python


def _with_dependencies(names: set[str]) -> set[str]:
    found: set[str] = set()
    while names - found:
        name = min(names - found)
        found.add(name)
        for line in distribution(name).requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                names = names | {requirement.name}
    return found
