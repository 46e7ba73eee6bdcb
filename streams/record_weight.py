"""How much a record counts against an inbox's cap: large records count more, so that the cap bounds memory."""

from typing import Final

from streams.delivery import Delivery

_BYTES_PER_UNIT: Final = 2_048


def weigh_by_size(delivery: Delivery) -> int:
    """Return 1 for a record of up to 2 KB, and 1 more for each further 2 KB of its value."""
    return 1 + len(delivery.value or b"") // _BYTES_PER_UNIT
