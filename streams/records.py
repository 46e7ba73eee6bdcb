"""Builds the records that carry events."""

import re
from typing import Final

from schemas.codec import encode
from schemas.envelope import Envelope
from streams.delivery import Delivery, Headers, Record

_CONTENT_TYPE: Final = ("content-type", b"application/json")
_ABOUT: Final = ("type", "job")
"""Headers that repeat fields of the event. Nothing reads them but people and their tools."""
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def event_headers(cause: Delivery | None = None) -> Headers:
    """Return the headers of an event caused by `cause`, with its trace (W3C Trace Context, `traceparent`)."""
    if cause is not None:
        for name, value in cause.headers:
            if name == "traceparent" and value is not None and _TRACEPARENT.fullmatch(value):
                return (_CONTENT_TYPE, (name, value))
    return (_CONTENT_TYPE,)


def event_record(topic: str, key: str, event: Envelope, headers: Headers) -> Record:
    """Return the record that carries `event` on `topic`.

    Its type and, where it has one, its job are headers too: tools filter records by them without decoding a body.
    """
    others = tuple(header for header in headers if header[0] not in _ABOUT)
    return Record(topic=topic, key=key, value=encode(event), headers=(*others, *_about(event)))


def _about(event: Envelope) -> Headers:
    fields: tuple[tuple[str, str | None], ...] = (
        ("type", getattr(event, "type", None)),
        ("job", getattr(event, "job_id", None)),
    )
    return tuple((name, value.encode()) for name, value in fields if value is not None)
