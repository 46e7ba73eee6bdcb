"""The lock files say exactly what is installed, for every supported Python, and nothing about where from."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
DJANGO: dict[str, Any] = tomllib.loads((ROOT / "django_posters" / "pyproject.toml").read_text())
PYTHONS = ("3.11", "3.12", "3.13")
RUNTIME: list[str] = PROJECT["project"]["dependencies"]
DEMO: list[str] = [
    *RUNTIME,
    *(name for name in PROJECT["project"]["optional-dependencies"]["demo"] if name != "django-posters"),
    *DJANGO["project"]["dependencies"],
    *PROJECT["dependency-groups"]["build"],
]
TRACED: list[str] = [*RUNTIME, *PROJECT["project"]["optional-dependencies"]["otel"]]
DEVELOPMENT: list[str] = [
    *DEMO,
    *TRACED,
    *(name for name in PROJECT["dependency-groups"]["dev"] if isinstance(name, str)),
]
LOCKS = {
    "requirements.txt": TRACED,
    "requirements-demo.txt": DEMO,
    "requirements-dev.txt": DEVELOPMENT,
    "scripts/requirements-uv.txt": ["uv"],
}

_PIN = re.compile(
    r"^(?P<pin>[\w.-]+(\[[a-z,]+\])?==\S+( ; .+?)?) \\\n(    --hash=sha256:[0-9a-f]{64}.*\n)+",
    re.MULTILINE,
)


def pins(lock: str) -> list[Requirement]:
    """Return what a lock file pins."""
    return [Requirement(match["pin"]) for match in _PIN.finditer((ROOT / lock).read_text())]


def pinned(lock: str, python: str) -> dict[str, Version]:
    """Return the version of every package that the lock file gives a Python on Linux."""
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux"}
    return {
        canonicalize_name(pin.name): Version(next(iter(pin.specifier)).version)
        for pin in pins(lock)
        if pin.marker is None or pin.marker.evaluate(environment)
    }


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_lock_satisfies_every_dependency(lock: str, python: str) -> None:
    """Each dependency of the two distributions is pinned, at a version they accept."""
    versions = pinned(lock, python)

    for dependency in map(Requirement, LOCKS[lock]):
        version = versions.get(canonicalize_name(dependency.name))
        assert version is not None, f"{lock} lacks {dependency.name}: run `make lock`"
        assert version in dependency.specifier, f"{lock} has {dependency.name} {version}: run `make lock`"


@pytest.mark.parametrize("python", PYTHONS)
def test_locks_agree(python: str) -> None:
    """Whatever file a package is installed from, it has the same version."""
    development = pinned("requirements-dev.txt", python)

    for lock in ("requirements.txt", "requirements-demo.txt"):
        assert pinned(lock, python).items() <= development.items()


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_is_a_pin_with_hashes_or_a_comment(lock: str) -> None:
    """A lock file holds no address, no option and no path; all it installs is checked against a hash."""
    rest = _PIN.sub("", (ROOT / lock).read_text())

    assert [line for line in rest.splitlines() if not re.match(r" *(#|$)", line)] == []
