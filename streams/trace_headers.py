"""The trace that a record's headers carry (W3C Trace Context), read from whatever a producer wrote there."""

import re
from typing import Final

from streams.delivery import Delivery, Headers

FAILED_ATTEMPT: Final = "retry.traceparent"
"""Header of a record on a retry topic: the span of the attempt that failed, to which the retry's span links."""
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_TRACESTATE: Final = re.compile(rb"[\x20-\x7e]{1,512}")


def incoming_headers(delivery: Delivery | None) -> Headers:
    """Return the trace of a record (W3C Trace Context): the first well-formed header of each name."""
    if delivery is None or not delivery.headers:
        return ()
    parent = state = None
    for header in delivery.headers:
        name, value = header
        if value is None:
            continue
        if name == "traceparent" and parent is None and _TRACEPARENT.fullmatch(value):
            parent = header
        elif name == "tracestate" and state is None and _TRACESTATE.fullmatch(value):
            state = header
    if parent is None:
        return ()
    return (parent,) if state is None else (parent, state)


def failed_attempt(delivery: Delivery) -> bytes | None:
    """Return the `traceparent` of the attempt that led to a retry."""
    for name, value in delivery.headers:
        if name == FAILED_ATTEMPT and value is not None and _TRACEPARENT.fullmatch(value):
            return value
    return None
