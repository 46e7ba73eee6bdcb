"""Which build this is."""

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[1]
_ROOMS: Final = ("schemas", "streams", "renderer", "agents", "posters")


@cache
def build_id() -> str:
    """Return the version and a digest of the program's own files, as in `0.1.0+5f2c9a01bd34`.

    Two builds of one version differ in it, and the same files have the same wherever they run.
    """
    digest = hashlib.sha256()
    for room in _ROOMS:
        for path in sorted((_ROOT / room).rglob("*")):
            if path.suffix in (".py", ".sql", ".js"):
                digest.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return f"{version('posterstream')}+{digest.hexdigest()[:12]}"
