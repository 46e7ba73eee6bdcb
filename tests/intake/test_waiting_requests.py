"""Requests that wait for their template: in which order they end, and who makes room."""

from agents.intake.waiting_requests import WaitingRequests
from streams.delivery import Delivery
from tests.streams.deliveries import delivery

KNOWN = {"a", "neighbour", "flood"}


def added(waiting: WaitingRequests, offset: int, source: str, template: str = "t", partition: int = 0) -> list[int]:
    """Add a request, due at its offset; return the offsets of those that made room."""
    record = delivery(offset, partition=partition)
    return [each.offset for each in waiting.add(record, source, template, float(offset))]


def offsets(deliveries: list[Delivery]) -> list[int]:
    """Return their offsets."""
    return [each.offset for each in deliveries]


def test_requests_end_when_they_are_due() -> None:
    """The first that came is the first to be due; what ended does not wait any more."""
    waiting = WaitingRequests(10, KNOWN)
    for offset in range(4):
        added(waiting, offset, "a")
    due = [offsets(waiting.pop_due(1.5, limit)) for limit in (1, 9)]

    assert due == [[0], [1]]
    assert waiting.next_due == 2
    assert len(waiting) == 2


def test_the_source_with_the_most_makes_room() -> None:
    """Its oldest request is answered, and another source's keeps waiting."""
    waiting = WaitingRequests(3, KNOWN)
    overflow = [added(waiting, 0, "neighbour"), *(added(waiting, offset, "flood") for offset in range(1, 6))]

    assert overflow == [[], [], [], [1], [2], [3]]
    assert offsets(waiting.pop_due(100, 9)) == [0, 4, 5]
    assert waiting.next_due is None


def test_each_partition_has_its_share() -> None:
    """What waits in one takes no room in another."""
    waiting = WaitingRequests(1, KNOWN)

    assert added(waiting, 0, "a", partition=0) == []
    assert added(waiting, 1, "a", partition=1) == []
    assert added(waiting, 2, "a", partition=1) == [1]


def test_a_template_ends_the_waits_for_it() -> None:
    """All requests for it, in their order, and no other; a template that is still unknown ends none."""
    waiting = WaitingRequests(10, KNOWN)
    for offset, template in enumerate(("late", "never", "late")):
        added(waiting, offset, "a", template)

    assert waiting.templates() == ["late", "never"]
    assert waiting.pop_known("never", lambda _: False) == []
    assert offsets(waiting.pop_known("late", lambda _: True)) == [0, 2]
    assert waiting.pop_known("late", lambda _: True) == []
    assert offsets(waiting.pop_due(100, 9)) == [1]


def test_made_up_sources_make_room_for_each_other() -> None:
    """A thousand of them answer no request early of a source that is known, not even its second one."""
    waiting = WaitingRequests(10, KNOWN)
    early = added(waiting, 0, "neighbour") + added(waiting, 1, "neighbour")
    for offset in range(2, 1_000):
        early += added(waiting, offset, f"made up {offset}")

    assert early == list(range(2, 992))
    assert offsets(waiting.pop_due(1_000, 3)) == [0, 1, 992]
