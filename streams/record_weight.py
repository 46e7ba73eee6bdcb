"""How much a record counts against an inbox's cap: large records count more, so that the cap bounds memory."""

from typing import Final

from streams.delivery import Delivery

_BYTES_PER_UNIT: Final = 2_048


def weigh_by_size(delivery: Delivery) -> int:
    """Return 1, and 1 more for every full 2 KB of the record's value."""
    return 1 + len(delivery.value or b"") // _BYTES_PER_UNIT
