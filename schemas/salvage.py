"""What can still be read of a request that does not fit the contract, so that its sender gets an answer."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import msgspec

from .codec import UNREADABLE
from .fields import EntityId, JobId, JsonObject, Source, check_entity_id, check_metadata
from .surrogates import halves_as_nul


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


def named_job(value: bytes | None) -> str | None:
    """Return the job that a record names, broken or not, or None where that cannot be read."""
    top = _read_top(value or b"")
    return None if top is None else top.job_id


def _is_whole_job(top: _Top) -> bool:
    if top.type == "batch.requested":
        return bytes(top.parts) in (b"null", b"1")
    return top.type == "poster.requested"


def _read_top(value: bytes) -> _Top | None:
    for form in _forms(value):
        try:
            return _TOP.decode(form)
        except UNREADABLE:
            continue
    return None


def _forms(value: bytes) -> Iterator[bytes]:
    """Yield the value and what it is with less and less in it that a reader stumbles over."""
    yield value
    mended = halves_as_nul(value)
    yield mended
    yield _without_nested(mended)


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
