"""Serialization of a site's values to plain JSON data, before anything is written."""

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.utils.functional import Promise

from .contract.limits import CUSTOM_DATA_MAX_DEPTH
from .errors import RequestError


def plain_object(value: object, name: str) -> dict[str, Any]:
    """Return `value` with dates, times, UUIDs and lazy texts as text. Raises RequestError, which names the value."""
    if not isinstance(value, Mapping):
        raise RequestError(f"`{name}` is a {type(value).__name__}; it takes a dict")
    return {_key(key, name): _plain(item, f"{name}.{key}", 1) for key, item in value.items()}


def _plain(value: object, place: str, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | Promise | UUID):
        return str(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise RequestError(f"`{place}` is {value}, which JSON cannot hold; send a number or None")
        return float(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, Mapping | list | tuple):
        return _container(value, place, depth)
    raise RequestError(
        f"`{place}` is a {type(value).__name__}, which JSON cannot hold; "
        "convert it to text, a number, a bool, None, a list or a dict"
    )


def _container(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...], place: str, depth: int) -> Any:
    if depth >= CUSTOM_DATA_MAX_DEPTH:
        raise RequestError(f"`{place}` is nested deeper than {CUSTOM_DATA_MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {_key(key, place): _plain(item, f"{place}.{key}", depth + 1) for key, item in value.items()}
    return [_plain(item, f"{place}[{index}]", depth + 1) for index, item in enumerate(value)]


def _key(key: object, place: str) -> str:
    if not isinstance(key, str):
        raise RequestError(f"`{place}` has the key {key!r}; JSON takes text only")
    return str(key)
