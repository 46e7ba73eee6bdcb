"""A record may be acknowledged once every record before it is finished."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from streams.offset_tracker import OffsetTracker


def test_nothing_is_released_before_its_head() -> None:
    """A later record that is finished first waits for the earlier one."""
    tracker: OffsetTracker[str] = OffsetTracker()
    for offset in (10, 11, 12):
        tracker.deliver(offset, f"r{offset}")

    assert tracker.finish(11) == []
    assert tracker.finish(10) == ["r10", "r11"]
    assert tracker.finish(12) == ["r12"]
    assert tracker.weight == 0


def test_gaps_in_offsets_delay_nothing() -> None:
    """Compaction and transactions leave gaps; the order of delivery counts."""
    tracker: OffsetTracker[int] = OffsetTracker()
    for offset in (3, 9, 100):
        tracker.deliver(offset, offset)

    assert tracker.finish(3) == [3]
    assert tracker.finish(9) == [9]


def test_an_offset_delivered_twice_is_one_record() -> None:
    """The second delivery is refused, and the record is released once."""
    tracker: OffsetTracker[int] = OffsetTracker()

    assert tracker.deliver(5, 5)
    assert not tracker.deliver(5, 5)
    assert tracker.finish(5) == [5]
    assert tracker.finish(5) == []


def test_a_late_finish_of_an_unknown_offset_releases_nothing() -> None:
    """Work of an earlier assignment acknowledges nothing in this one."""
    tracker: OffsetTracker[int] = OffsetTracker()
    tracker.deliver(7, 7)

    assert tracker.finish(6) == []
    assert tracker.weight == 1


@given(
    offsets=st.lists(st.integers(0, 10_000), min_size=1, max_size=60, unique=True).map(sorted),
    seed=st.randoms(use_true_random=False),
)
def test_released_records_are_always_the_finished_head_in_order(offsets: list[int], seed: object) -> None:
    """In whatever order work finishes, the released ones are a prefix of the delivered ones, each once."""
    tracker: OffsetTracker[int] = OffsetTracker()
    for offset in offsets:
        tracker.deliver(offset, offset, weight=2)
    order = list(offsets)
    seed.shuffle(order)  # type: ignore[attr-defined]
    finished: set[int] = set()
    released: list[int] = []

    for offset in order:
        finished.add(offset)
        released += tracker.finish(offset)
        expected = next((n for n, each in enumerate(offsets) if each not in finished), len(offsets))
        assert released == offsets[:expected]
        assert tracker.weight == 2 * (len(offsets) - len(released))


class Assignments(RuleBasedStateMachine):
    """A partition with gaps that comes and goes, beside a model that only knows lists and sets."""

    def __init__(self) -> None:
        super().__init__()
        self.topic: list[int] = []
        """The offsets there are."""
        self.durable: set[int] = set()
        """Those whose effects are durable, whoever's work that was."""
        self.committed = 0
        """How many of them are acknowledged."""
        self.assigned()

    @rule()
    def assigned(self) -> None:
        """The partition is assigned (again): unacknowledged records are delivered again."""
        self.tracker: OffsetTracker[int] = OffsetTracker()
        self.finished: set[int] = set()
        self.first = self.delivered = self.committed

    @rule(gap=st.integers(1, 4))
    def written(self, gap: int) -> None:
        """Somebody writes a record; compaction and markers leave gaps."""
        self.topic.append((self.topic[-1] if self.topic else 0) + gap)

    @rule()
    def deliver(self) -> None:
        """The next record comes."""
        if self.delivered < len(self.topic):
            assert self.tracker.deliver(self.topic[self.delivered], self.delivered)
            self.delivered += 1

    @rule(which=st.integers(0, 50))
    def deliver_again(self, which: int) -> None:
        """The broker repeats a record: a record in flight is not added twice."""
        in_flight = [n for n in range(self.first, self.delivered) if self.topic[n] not in self.finished]
        if in_flight:
            offset = self.topic[in_flight[which % len(in_flight)]]
            assert not self.tracker.deliver(offset, -1)

    @rule(which=st.integers(0, 50))
    def finish(self, which: int) -> None:
        """Work ends, of this assignment or, late, of an earlier one."""
        if not self.topic:
            return
        offset = self.topic[which % len(self.topic)]
        self.durable.add(offset)
        released = self.tracker.finish(offset)
        if offset in self.topic[self.first : self.delivered]:
            self.finished.add(offset)
        assert released == list(range(self.committed, self.committed + len(released)))
        self.committed += len(released)

    @invariant()
    def nothing_unfinished_is_passed(self) -> None:
        """Acknowledged is exactly the finished head of what was delivered, and all of it is durable."""
        given_out = self.topic[self.first : self.delivered]
        head = next((n for n, offset in enumerate(given_out) if offset not in self.finished), len(given_out))
        assert self.committed == self.first + head
        assert self.durable >= set(self.topic[: self.committed])
        assert self.tracker.weight == len(self.tracker) == self.delivered - self.committed


TestAssignments = Assignments.TestCase
