"""What can still be read of a request that does not fit the contract, so that its sender gets an answer."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec

from .codec import UNREADABLE
from .fields import EntityId, JobId, JsonObject, Source, check_entity_id, check_metadata


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """The identity of a broken request, and what of it comes back in every event where that can be read."""

    job_id: str
    source: str | None = None
    event_id: UUID | None = None
    entity_id: str = "unknown"
    metadata: JsonObject = field(default_factory=dict)


_NOTHING: Final = msgspec.Raw(b"null")


# A Struct, because msgspec refuses a dataclass whose raw fields have defaults.
class _Top(msgspec.Struct, frozen=True, kw_only=True):
    type: str
    job_id: JobId
    source: msgspec.Raw = _NOTHING
    event_id: msgspec.Raw = _NOTHING
    entity_id: msgspec.Raw = _NOTHING
    metadata: msgspec.Raw = _NOTHING
    parts: msgspec.Raw = _NOTHING


_TOP: Final = msgspec.json.Decoder(_Top)
# A text (open ones reach to the end, so that scanning stays linear), or a run of opening or closing brackets.
_TOKEN: Final = re.compile(rb'"[^"\\]*+(?:\\.?[^"\\]*+)*+(?:"|\Z)|[\[{]+|[\]}]+', re.DOTALL)
# Group 1: what stays, an escape or a whole pair. The rest: one half of a pair, which no reader takes.
_SURROGATE: Final = re.compile(
    rb"(\\[^u]|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def salvage(value: bytes | None) -> Salvaged | None:
    """Return whose request a broken record was, or None where that cannot be read.

    Only a `poster.requested` and a batch of one part stand for a whole job; the parts of a larger batch do not.
    """
    top = _read_top(value or b"")
    if top is None or not _is_whole_job(top):
        return None
    return Salvaged(
        job_id=top.job_id,
        source=_read(top.source, Source),
        event_id=_read(top.event_id, UUID),
        entity_id=_read(top.entity_id, EntityId, check_entity_id) or "unknown",
        metadata=_read(top.metadata, JsonObject, check_metadata) or {},
    )


def _is_whole_job(top: _Top) -> bool:
    if top.type == "batch.requested":
        return bytes(top.parts) in (b"null", b"1")
    return top.type == "poster.requested"


def _read_top(value: bytes) -> _Top | None:
    try:
        return _TOP.decode(value)
    except UNREADABLE:
        pass
    try:
        return _TOP.decode(_SURROGATE.sub(lambda half: half[1] or rb"\ufffd", _without_nested(value)))
    except UNREADABLE:
        return None


def _without_nested(value: bytes) -> bytes:
    """Return the JSON object with null in place of every list and object in it, however deep or malformed those are."""
    pieces: list[bytes] = []
    depth = kept = 0
    for token in _TOKEN.finditer(value):
        run = token.end() - token.start()
        if token[0][:1] == b'"':
            continue
        if token[0][:1] in b"[{":
            if depth < 2 <= depth + run:
                pieces += (value[kept : token.start() + 1 - depth], b"null")
            depth += run
        else:
            if depth >= 2 > depth - run:
                kept = token.start() + depth - 1
            depth -= run
    return b"".join((*pieces, value[kept:])) if depth == 0 else b""


def _read(raw: msgspec.Raw, expected: Any, check: Callable[[Any], None] | None = None) -> Any:
    try:
        value = msgspec.json.decode(raw, type=expected)
        if check is not None:
            check(value)
    except UNREADABLE:
        return None
    return value
