"""Builds the records that carry events."""

from typing import Final

from schemas.codec import encode
from schemas.envelope import Envelope
from streams.delivery import Delivery, Headers, Record
from streams.tracing import outgoing_headers

_CONTENT_TYPE: Final = ("content-type", b"application/json")
_ABOUT: Final = ("type", "job")
"""Headers that repeat fields of the event. Nothing reads them but people and their tools."""


def event_headers(cause: Delivery | None = None) -> Headers:
    """Return the headers of an event caused by `cause`, with its trace (W3C Trace Context).

    `traceparent` names the current span where spans are recorded, else the one that `cause` names.
    """
    return (_CONTENT_TYPE, *outgoing_headers(cause))


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
