"""Loads named SQL queries: SQL is in `.sql` files, several queries to a file."""

import re
from pathlib import Path
from typing import Final

_NAME: Final = re.compile(r"^-- name: ([a-z_]+)$", re.MULTILINE)


def named_queries(path: Path) -> dict[str, str]:
    """Return the queries of a file by name; each begins with a line `-- name: …`. Raises ValueError on a duplicate."""
    parts = _NAME.split(path.read_text(encoding="utf-8"))[1:]
    names = parts[0::2]
    if len(set(names)) != len(names):
        raise ValueError(f"{path.name} names a query twice")
    return dict(zip(names, (sql.strip() for sql in parts[1::2]), strict=True))
