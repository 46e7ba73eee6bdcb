"""Batch files: reads posters from JSON Lines or CSV, all or nothing, and splits them into events."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import msgspec
import orjson

from posters.operations.errors import OperationError
from schemas import limits
from schemas.codec import ContractError, decode_poster
from schemas.requests import BatchPoster

NAMES = tuple(field.name for field in fields(BatchPoster))
ENVELOPE_BYTES = 16 * 1024


def read_posters(path: Path) -> list[msgspec.Raw]:
    """Return the posters of a file, checked. Raises OperationError that names the line.

    A line of a JSON Lines file is an object with `custom_data` and optionally `entity_id`, `metadata` and `output`. The
    columns of a CSV file are the names of `custom_data`; a column `entity_id` is the entity.
    """
    reader = _from_csv if path.suffix.lower() == ".csv" else _from_json_lines
    posters = []
    try:
        for line, poster in reader(path):
            raw = msgspec.Raw(orjson.dumps(poster))
            try:
                decode_poster(raw)
            except ContractError as error:
                raise OperationError(f"{path}, line {line}: {error}") from error
            posters.append(raw)
    except OSError as error:
        raise OperationError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise OperationError(f"{path} is not UTF-8: {error.reason} at byte {error.start}") from error
    if not posters:
        raise OperationError(f"{path} holds no posters")
    return posters


def split(posters: Sequence[msgspec.Raw]) -> list[list[msgspec.Raw]]:
    """Return the posters in parts that fit an event each: 500 posters and 900 KB at most."""
    parts: list[list[msgspec.Raw]] = [[]]
    size = 0
    for poster in posters:
        length = len(bytes(poster)) + 1
        full = len(parts[-1]) >= limits.BATCH_MAX_POSTERS
        if parts[-1] and (full or size + length > limits.REQUEST_MAX_BYTES - ENVELOPE_BYTES):
            parts.append([])
            size = 0
        parts[-1].append(poster)
        size += length
    return parts


def _from_json_lines(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    poster = orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise OperationError(f"{path}, line {number}: not JSON: {error}") from error
                unknown = [name for name in poster if name not in NAMES] if isinstance(poster, dict) else []
                if unknown:
                    known = ", ".join(f"`{name}`" for name in NAMES)
                    raise OperationError(f"{path}, line {number}: `{unknown[0]}` is none of {known}")
                yield number, poster


def _from_csv(path: Path) -> Iterator[tuple[int, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        try:
            names = rows.fieldnames or []
            repeated = next((name for name in names if names.count(name) > 1), None)
            if repeated is not None:
                raise OperationError(f"{path} has two columns named `{repeated}`")
            for row in rows:
                if None in row:
                    raise OperationError(f"{path}, line {rows.line_num}: more cells than the {len(names)} columns")
                data = {name: value for name, value in row.items() if name and value is not None}
                entity = data.pop("entity_id", "")
                yield rows.line_num, {"custom_data": data, **({"entity_id": entity} if entity else {})}
        except csv.Error as error:
            raise OperationError(f"{path}, after line {rows.line_num}: not CSV: {error}") from error
