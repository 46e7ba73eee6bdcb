"""Records for the tests of the plumbing."""

from datetime import UTC, datetime

from streams.delivery import Delivery, Headers

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


def delivery(
    offset: int,
    *,
    topic: str = "poster-requests",
    partition: int = 0,
    key: bytes | None = b"k",
    value: bytes | None = b"v",
    headers: Headers = (),
    stamped: int | None = None,
    unreadable: str | None = None,
) -> Delivery:
    """Return a record."""
    return Delivery(
        topic=topic,
        partition=partition,
        offset=offset,
        timestamp=EPOCH,
        key=key,
        value=value,
        headers=headers,
        stamped=stamped,
        unreadable=unreadable,
    )
