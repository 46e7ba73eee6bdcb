"""Weighted choice between the two lanes: `normal` posters first, and at least a fifth of the turns for `bulk`.

The words are those of the contract's `priority`. The queue of a render worker and the pool of browsers share the rule.
"""

from collections.abc import Mapping
from typing import Final

from schemas.fields import Priority

NORMAL_IN_A_ROW: Final = 4
"""How many of the normal lane may begin while bulk waits; then one of bulk is next: a fifth of the turns."""


class LanePolicy:
    """Chooses the lane whose turn it is. It counts, so each queue needs a policy of its own."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def next(self, waiting: Mapping[Priority, object], *, room_for_bulk: bool = True) -> Priority | None:
        """Return the lane to take from, and count it as taken; None where nothing can be taken.

        What `waiting` has for a lane is true where something waits in it. Without `room_for_bulk` the bulk lane gets no
        turn, and none is lost for that.
        """
        normal, bulk = bool(waiting["normal"]), bool(waiting["bulk"])
        bulk_is_due = not normal or self._in_a_row >= NORMAL_IN_A_ROW
        if bulk and bulk_is_due and room_for_bulk:
            self._in_a_row = 0
            return "bulk"
        self._in_a_row = self._in_a_row + 1 if bulk and normal else 0
        return "normal" if normal else None
