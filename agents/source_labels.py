"""Values of the metrics' label `source`: few, because a producer can name any source."""

from collections.abc import Iterable
from typing import Final

SOURCES_MAX: Final = 50
"""Sources with a label of their own in a process."""
NONE: Final = "(none)"
OTHER: Final = "(other)"


class SourceLabels:
    """Gives the first sources a label of their own, and the others one together. `named` have theirs in any case."""

    def __init__(self, named: Iterable[str] = ()) -> None:
        self._named = frozenset(named)
        self._first: set[str] = set()

    def label(self, source: str | None) -> str:
        """Return the label of a source; None is a source of its own."""
        if source is None:
            return NONE
        if source in self._named or source in self._first:
            return source
        if len(self._first) >= SOURCES_MAX:
            return OTHER
        self._first.add(source)
        return source
