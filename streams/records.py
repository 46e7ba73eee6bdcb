"""Builds the records that carry events."""

from typing import Final

from schemas.codec import encode
from schemas.envelope import Envelope
from streams.delivery import Delivery, Headers, Record
from streams.tracing import outgoing_headers

_CONTENT_TYPE: Final = ("content-type", b"application/json")


def event_headers(cause: Delivery | None = None) -> Headers:
    """Return the headers of an event caused by `cause`, with its trace (W3C Trace Context).

    `traceparent` names the current span where spans are recorded, else the one that `cause` names.
    """
    return (_CONTENT_TYPE, *outgoing_headers(cause))


def event_record(topic: str, key: str, event: Envelope, headers: Headers) -> Record:
    """Return the record that carries `event` on `topic`."""
    return Record(topic=topic, key=key, value=encode(event), headers=headers)
