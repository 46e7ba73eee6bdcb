"""What can still be read of a request that does not fit the contract, so that its sender gets an answer."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec
import orjson

from .fields import JobId, Source


@dataclass(frozen=True, slots=True, kw_only=True)
class Salvaged:
    """The identity of a broken request."""

    job_id: str
    source: str | None
    event_id: UUID | None


def salvage(value: bytes | None) -> Salvaged | None:
    """Return whose request a broken record was, or None where that cannot be read.

    Only a `poster.requested` and a batch of one part stand for a whole job; the parts of a larger batch do not.
    """
    try:
        body: Any = orjson.loads(value or b"")
    except (orjson.JSONDecodeError, RecursionError):
        return None
    if not isinstance(body, dict) or body.get("type") not in ("poster.requested", "batch.requested"):
        return None
    if body["type"] == "batch.requested" and body.get("parts", 1) != 1:
        return None
    job_id = _convert(body.get("job_id"), JobId)
    if job_id is None:
        return None
    return Salvaged(
        job_id=job_id, source=_convert(body.get("source"), Source), event_id=_convert(body.get("event_id"), UUID)
    )


def _convert(value: object, expected: Any) -> Any:
    try:
        return msgspec.convert(value, expected)
    except msgspec.ValidationError:
        return None
