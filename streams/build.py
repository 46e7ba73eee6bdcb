"""Identity of the running build: its version and a digest of its files."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_PACKAGES: Final = ("schemas", "streams", "renderer", "agents", "posters")


@cache
def build_id() -> str:
    """Return the version and a digest of the program's files, as in `0.1.0+5f2c9a01bd34`.

    It differs between two builds of one version, and is equal wherever the same files run.
    """
    digest = hashlib.sha256()
    for package in _PACKAGES:
        for path in sorted((_ROOT / package).rglob("*")):
            if path.suffix in (".py", ".sql", ".js"):
                digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{version('posterstream')}+{digest.hexdigest()[:12]}"
