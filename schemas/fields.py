"""Field types shared by the events, and the checks that a type alone cannot state."""

from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import orjson
from msgspec import Meta

from . import limits

# `(?!\n)$` because `$` alone would let one trailing newline through.
JobId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,80}(?!\n)$")]
# Postgres stores no U+0000; a text that is kept or echoed may not hold it.
Text = Annotated[str, Meta(pattern=r"^[^\x00]*$")]
Source = Annotated[Text, Meta(max_length=limits.SOURCE_MAX_CHARACTERS)]
EntityId = Annotated[
    Text,
    Meta(
        description="At most 128 bytes of UTF-8; percent-encoded in object keys.",
        # Characters are never more than bytes; the bytes themselves are counted by `check_entity_id`.
        extra_json_schema={"maxLength": limits.ENTITY_ID_MAX_BYTES},
    ),
]
Timestamp = Annotated[datetime, Meta(tz=True)]
JsonObject = dict[str, Any]
Version = Literal[1]
PosterStatus = Literal["queued", "processing", "completed", "failed", "cancelled"]
JobStatus = PosterStatus
Priority = Literal["normal", "bulk"]
Index = Annotated[int, Meta(ge=0, le=limits.NUMBER_MAX)]
Count = Annotated[int, Meta(ge=0)]
Positive = Annotated[int, Meta(ge=1, le=limits.NUMBER_MAX)]
EventId = UUID


def check_entity_id(entity_id: str) -> None:
    """Raise ValueError where `entity_id` holds U+0000 or is longer than 128 bytes of UTF-8."""
    size = len(entity_id.encode("utf-8", "surrogatepass"))
    if size > limits.ENTITY_ID_MAX_BYTES:
        raise ValueError(f"`entity_id` has {size:,} bytes; {limits.ENTITY_ID_MAX_BYTES} are allowed")
    check_text(entity_id, "entity_id")


def check_text(text: str, name: str) -> None:
    """Raise ValueError where `text` holds what Postgres cannot store: U+0000 or half a surrogate pair."""
    if "\0" in text or not _is_unicode(text):
        raise ValueError(f"`{name}` holds U+0000 or half a surrogate pair; neither can be stored")


def _is_unicode(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def check_custom_data(value: Mapping[str, Any]) -> None:
    """Raise ValueError where `custom_data` breaks a limit: 64 KB, depth 16, 64-bit integers, no U+0000."""
    check_json(value, "custom_data")
    _check_size(value, "custom_data", limits.CUSTOM_DATA_MAX_BYTES)


def check_metadata(value: Mapping[str, Any]) -> None:
    """Raise ValueError where `metadata` breaks a limit: 4 KB, and what custom_data forbids."""
    if not value:
        return
    check_json(value, "metadata")
    _check_size(value, "metadata", limits.METADATA_MAX_BYTES)


def check_deadline(deadline: datetime | None) -> None:
    """Raise ValueError where `deadline` lies in a year that has no UTC form in every time zone (1 and 9999)."""
    if deadline is not None:
        check_time(deadline, "deadline")


def check_time(time: datetime, name: str) -> None:
    """Raise ValueError where converting `time` to UTC could leave the years that a datetime can hold."""
    if not MINYEAR < time.year < MAXYEAR:
        raise ValueError(f"`{name}` is in the year {time.year}; years {MINYEAR + 1} to {MAXYEAR - 1} are allowed")


def check_json(value: Any, name: str) -> None:
    """Raise ValueError where `value` is deeper than 16 levels, or holds an integer or a text that cannot be stored."""
    _check_value(value, name, limits.CUSTOM_DATA_MAX_DEPTH)


def _check_size(value: Mapping[str, Any], name: str, allowed: int) -> None:
    size = len(orjson.dumps(value))
    if size > allowed:
        raise ValueError(f"`{name}` has {size:,} bytes; {allowed:,} are allowed")


def _check_value(value: Any, path: str, depth: int) -> None:
    kind = type(value)
    if kind is str:
        check_text(value, path)
    elif kind is int:
        if not limits.INTEGER_MIN <= value <= limits.INTEGER_MAX:
            raise ValueError(f"`{path}` is an integer that does not fit 64 bits; send it as text")
    elif kind is dict:
        _check_depth(path, depth)
        for key, item in value.items():
            check_text(key, path)
            _check_value(item, f"{path}.{key}", depth - 1)
    elif kind is list:
        _check_depth(path, depth)
        for item in value:
            _check_value(item, path, depth - 1)


def _check_depth(path: str, depth: int) -> None:
    if depth == 0:
        name = path.split(".", 1)[0]
        raise ValueError(f"`{name}` is nested deeper than {limits.CUSTOM_DATA_MAX_DEPTH} levels")
