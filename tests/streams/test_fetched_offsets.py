"""What was fetched tells a gap from a lost record."""

from streams.faust_bridge.fetched_offsets import FetchedOffsets


def fetched_offsets(*offsets: int) -> FetchedOffsets:
    """Return these offsets, fetched in one fetch."""
    fetched = FetchedOffsets()
    fetched.add(offsets)
    return fetched


def test_a_fetched_record_is_not_skipped() -> None:
    """A record follows only the one that was fetched before it, the first only the assignment."""
    fetched = fetched_offsets(9, 10, 11)

    assert fetched.is_next(9, None)
    assert fetched.is_next(10, 9)
    assert not fetched.is_next(10, None)
    assert not fetched.is_next(11, 9)
    assert (fetched.next_after(None), fetched.next_after(9)) == (9, 10)


def test_a_gap_is_no_record() -> None:
    """Where the broker has no records between two, the later follows the earlier, and what the gap ends with."""
    fetched = fetched_offsets(3, 4, 9, 10)

    assert fetched.is_next(9, 4)
    assert fetched.is_next(9, 7)
    assert not fetched.is_next(9, 3)
    assert not fetched.is_next(10, 4)


def test_what_is_fetched_again_changes_nothing() -> None:
    """After a seek back the records have the same order as before."""
    fetched = fetched_offsets(3, 4, 9)
    fetched.add([4, 9, 10])

    assert (fetched.first, fetched.last) == (3, 10)
    assert fetched.is_next(9, 4)
    assert fetched.is_next(10, 9)


def test_nothing_follows_in_an_empty_fetched_offsets() -> None:
    """A record of an earlier assignment is not accepted in one that has fetched nothing yet."""
    assert not FetchedOffsets().is_next(5, None)
    assert not FetchedOffsets().is_next(5, 4)
    assert FetchedOffsets().next_after(None) is None
