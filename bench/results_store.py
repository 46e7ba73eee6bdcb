"""Results stored as JSON, one file per part, so that a part can be measured again alone and the page written again.

The files belong to the repository: docs/performance.md is generated from them.
"""

import os
from collections.abc import Mapping
from dataclasses import fields
from datetime import date
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import msgspec

from bench.report.results import Figures

PARTS: Final[Mapping[str, type[Any]]] = {
    name: get_args(kind)[0]
    for name, kind in get_type_hints(Figures).items()
    if name not in ("days", "cores", "seconds")
}
"""Every part with the type of its figures."""


def store_figures(directory: Path, part: str, figures: Any, day: date, seconds: float = 0.0) -> None:
    """Store the figures of a part, in place of older ones, and how long it took to measure them."""
    directory.mkdir(parents=True, exist_ok=True)
    stored = {"day": day.isoformat(), "cores": os.cpu_count() or 1, "seconds": seconds, "figures": figures}
    (directory / f"{part}.json").write_bytes(msgspec.json.format(msgspec.json.encode(stored)) + b"\n")


def stored_figures(directory: Path) -> Figures:
    """Return every stored part. Raises msgspec.ValidationError for one of another version of the part."""
    figures: dict[str, Any] = {}
    days, cores, seconds = dict[str, str](), 1, dict[str, float]()
    for each in fields(Figures):
        path = directory / f"{each.name}.json"
        if path.exists():
            stored = msgspec.json.decode(path.read_bytes())
            days[each.name] = stored["day"]
            cores = stored["cores"]
            seconds[each.name] = stored.get("seconds", 0.0)
            figures[each.name] = msgspec.convert(stored["figures"], PARTS[each.name])
    return Figures(days=days, cores=cores, seconds=seconds, **figures)
