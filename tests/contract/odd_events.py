"""Golden events with odd values in their fields, for the tests of everything that reads events."""

import json
from copy import deepcopy
from typing import Any, Final

from hypothesis import strategies as st

from tests.contract.published import EXAMPLES, Event, to_bytes

GOLDEN: Final[list[Event]] = [json.loads(path.read_bytes()) for path in EXAMPLES]
ODD: Final[st.SearchStrategy[Any]] = st.sampled_from(
    [
        *[None, True, -1, 0, 2**31, 2**63, 10**30, 1e308, "", "\0", "\ud800", "x" * 2_000, [], {}, [None], {"": {}}],
        *["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999-14:00", "1969-12-31T23:59:59Z", "2026-01-01"],
        *["../../x", "a_latest", "a@1", "javascript:alert(1)", "00000000-0000-0000-0000-000000000000", "\x1b[31m"],
    ]
)


@st.composite
def changed(draw: st.DrawFn, source: str | None = None) -> bytes:
    """Return a golden event of any type with some of its fields replaced or left out, of this source if given."""
    event: Event = deepcopy(draw(st.sampled_from(GOLDEN)))
    if source is not None:
        event["source"] = source
    changes: int = draw(st.integers(0, 3))
    for _ in range(changes):
        places: list[Event] = [event, *(value for value in event.values() if isinstance(value, dict) and value)]
        holder = places[draw(st.integers(0, len(places) - 1))]
        if holder:
            name: str = draw(st.sampled_from(sorted(holder)))
            holder[name] = deepcopy(draw(ODD))
            if draw(st.booleans()):
                del holder[name]
    return to_bytes(event)
