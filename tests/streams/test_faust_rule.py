"""How Faust itself decides what to commit: our tracker is built on it, and would have to change with it."""

from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.consumer import Consumer
from faust.types import TP
from intervaltree import IntervalTree

from streams.offset_tracker import OffsetTracker

PARTITION = TP("poster-renders", 0)


def committed_by_faust(
    acked: list[int], *, committed: int | None = None, gaps: list[tuple[int, int]] | None = None
) -> Any:
    """Return the offset that Faust would commit after these acknowledgements; `gaps` are (first, end) it has seen."""
    state = SimpleNamespace(
        _acked=defaultdict(list, {PARTITION: list(acked)}),
        _acked_index=defaultdict(set, {PARTITION: set(acked)}),
        _gap=defaultdict(IntervalTree, {PARTITION: IntervalTree.from_tuples(gaps or [])}),
        _committed_offset=defaultdict(lambda: None, {PARTITION: committed}),
    )
    return Consumer._new_offset(state, PARTITION)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("acked", "committed", "gaps", "expected"),
    [
        ([5, 6, 7], None, [], 8),
        ([5, 6, 7], 5, [], 8),
        ([5, 6, 9], 5, [(7, 9)], 10),
        ([5, 6, 9], 5, [], 7),
        ([], 5, [], None),
        # The reason for the tracker: 5 is still being worked on, and Faust would commit past it.
        ([6, 7], 5, [], 8),
        ([6, 7], None, [], 8),
        # Only further on does it see that something is missing at the head.
        ([7, 8], 5, [], None),
    ],
    ids=[
        "first",
        "next",
        "known gap",
        "hole",
        "nothing",
        "head in flight",
        "head in flight, at first",
        "two in flight",
    ],
)
def test_faust_commits_by_the_rule_we_know(
    acked: list[int], committed: int | None, gaps: list[tuple[int, int]], expected: int | None
) -> None:
    """If this fails after an upgrade, review streams/offset_tracker.py first."""
    assert committed_by_faust(acked, committed=committed, gaps=gaps) == expected


def test_faust_commits_correctly_what_the_tracker_releases() -> None:
    """The head in flight that Faust would step over is not, because the records behind it are not released."""
    tracker: OffsetTracker[int] = OffsetTracker()
    for offset in (5, 6, 7):
        tracker.deliver(offset, offset)
    before = [*tracker.finish(6), *tracker.finish(7)]
    after = tracker.finish(5)

    assert committed_by_faust(before, committed=5) is None
    assert committed_by_faust(after, committed=5) == 8
