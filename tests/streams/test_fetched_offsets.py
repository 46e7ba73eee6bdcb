"""True gaps and lost records are told apart by what was fetched."""

from streams.faust_bridge.fetched_offsets import FetchedOffsets


def chain(*offsets: int) -> FetchedOffsets:
    """Return a chain of these offsets."""
    made = FetchedOffsets()
    made.add(offsets)
    return made


def test_what_was_fetched_is_missed() -> None:
    """A record follows only the one that was fetched before it, the first only the assignment."""
    fetched = chain(9, 10, 11)

    assert fetched.is_next(9, None)
    assert fetched.is_next(10, 9)
    assert not fetched.is_next(10, None)
    assert not fetched.is_next(11, 9)
    assert (fetched.next_after(None), fetched.next_after(9)) == (9, 10)


def test_a_gap_is_no_record() -> None:
    """Where the broker has no records between two, the later follows the earlier, and what the gap ends with."""
    fetched = chain(3, 4, 9, 10)

    assert fetched.is_next(9, 4)
    assert fetched.is_next(9, 7)
    assert not fetched.is_next(9, 3)
    assert not fetched.is_next(10, 4)


def test_what_is_fetched_again_changes_nothing() -> None:
    """After a step back the same records follow each other as before."""
    fetched = chain(3, 4, 9)
    fetched.add([4, 9, 10])

    assert (fetched.first, fetched.last) == (3, 10)
    assert fetched.is_next(9, 4)
    assert fetched.is_next(10, 9)


def test_nothing_follows_in_an_empty_chain() -> None:
    """A record of an earlier assignment has no place in one that has fetched nothing yet."""
    assert not FetchedOffsets().is_next(5, None)
    assert not FetchedOffsets().is_next(5, 4)
    assert FetchedOffsets().next_after(None) is None
