"""Serialization of a site's values to plain JSON data, before anything is written."""

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from django.db.models.fields.files import FieldFile
from django.utils import timezone
from django.utils.functional import Promise

from .contract.limits import CUSTOM_DATA_MAX_DEPTH
from .errors import RequestError
from .media import file_address


def plain_object(value: object, name: str) -> dict[str, Any]:
    """Return `value` as JSON data. Raises RequestError, which names the value.

    Decimals, dates, times, UUIDs and lazy texts become text, aware datetimes in the site's time zone. A member of an
    enumeration becomes its value, a file the address of its image.
    """
    if not isinstance(value, Mapping):
        raise RequestError(f"`{name}` is a {type(value).__name__}; it takes a dict")
    return {_key(key, name): _plain(item, f"{name}.{key}", 1) for key, item in value.items()}


def _plain(value: object, path: str, depth: int) -> Any:
    while isinstance(value, Enum):  # before texts and integers, which the members of many are, too
        value = value.value
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str | Promise | UUID):
        return str(value)
    if isinstance(value, int | float | Decimal):
        return _number(value, path)
    if isinstance(value, datetime | date | time):
        return _moment(value)
    if isinstance(value, FieldFile):
        return file_address(value, path)
    if isinstance(value, Mapping | list | tuple):
        return _container(value, path, depth)
    raise RequestError(
        f"`{path}` is a {type(value).__name__}, which JSON cannot hold; "
        "convert it to text, a number, a bool, None, a list or a dict"
    )


def _number(value: float | Decimal, path: str) -> int | float | str:
    if isinstance(value, int):
        return int(value)
    if not (value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)):
        raise RequestError(f"`{path}` is {value}, which JSON cannot hold; send a number or None")
    # Every digit of a Decimal: 12.50 stays 12.50, and templates calculate with it all the same.
    return format(value, "f") if isinstance(value, Decimal) else float(value)


def _moment(value: datetime | date | time) -> str:
    if isinstance(value, datetime) and timezone.is_aware(value):
        # Not the current zone: the same row has the same data, whoever saves it.
        value = timezone.localtime(value, timezone.get_default_timezone())
    return value.isoformat()


def _container(value: Mapping[Any, Any] | list[Any] | tuple[Any, ...], path: str, depth: int) -> Any:
    if depth >= CUSTOM_DATA_MAX_DEPTH:
        raise RequestError(f"`{path}` is nested deeper than {CUSTOM_DATA_MAX_DEPTH} levels")
    if isinstance(value, Mapping):
        return {_key(key, path): _plain(item, f"{path}.{key}", depth + 1) for key, item in value.items()}
    return [_plain(item, f"{path}[{index}]", depth + 1) for index, item in enumerate(value)]


def _key(key: object, path: str) -> str:
    if not isinstance(key, str):
        raise RequestError(f"`{path}` has the key {key!r}; JSON takes text only")
    return str(key)
