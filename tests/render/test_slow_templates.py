"""Template versions that time out, or that drew nothing yet, leave browsers to others."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

from agents.render.lanes import Lanes
from agents.render.retry_schedule import retry_for
from agents.render.slow_templates import SlowTemplates
from renderer.concurrency_limit import ConcurrencyLimit
from renderer.cost_estimates import FIRST_SECONDS, CostEstimates
from schemas.codec import encode
from streams.delivery import Delivery
from tests.render.test_giving_up import pinned
from tests.streams.deliveries import delivery

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE, OTHER = UUID(int=1), UUID(int=2)


def poster(offset: int, version: UUID = ONE, source: str = "site", partition: int = 0) -> Delivery:
    """Return a record of a poster."""
    value = encode(pinned(event_id=uuid4(), source=source, template_version_id=version))
    return delivery(offset, topic="poster-renders", partition=partition, value=value)


def begun(lanes: Lanes) -> list[Delivery]:
    """Begin as many posters as may begin."""
    taken = []
    while len(lanes):
        taken.append(lanes.popleft())
    return taken


def test_two_timeouts_in_a_row_make_a_version_slow_and_a_poster_ends_it() -> None:
    """One that was stored before says nothing of now; other failures do not count."""
    slow = SlowTemplates(2)
    slow.note_failure(ONE, "script_timeout")
    slow.note_failure(ONE, "asset_status")
    once = slow.is_slow(ONE)
    slow.note_failure(ONE, "render_timeout")
    slow.note_stored(ONE, drawn=False)
    twice = slow.in_flight_max(ONE)
    slow.note_stored(ONE, drawn=True)

    assert not once
    assert twice == 1
    assert slow.in_flight_max(ONE) is None
    assert slow.in_flight_max(OTHER) == 2


def test_a_slow_version_has_one_retry() -> None:
    """The others of its tiers are left out."""
    assert retry_for("render_timeout", 1, (1, 1, 1), NOW, is_slow=True) is not None
    assert retry_for("render_timeout", 2, (1, 1, 1), NOW, is_slow=True) is None
    assert retry_for("render_timeout", 2, (1, 1, 1), NOW) is not None


def test_an_unproven_version_leaves_a_browser_to_others() -> None:
    """Others of the source and of other sources go on; with the first stored poster the limit ends."""
    slow = SlowTemplates(2)
    slow.note_stored(OTHER, drawn=True)
    lanes = Lanes(ConcurrencyLimit(10), CostEstimates(), slow)
    for offset in range(4):
        lanes.append(poster(offset))
    lanes.append(poster(4, OTHER))
    lanes.append(poster(5, source="neighbour"))
    first = begun(lanes)
    slow.note_stored(ONE, drawn=True)
    lanes.end(first[0])

    assert sorted(each.offset for each in first) == [0, 1, 4, 5]
    assert [each.offset for each in begun(lanes)] == [2, 3]


def test_what_is_throttled_is_not_forgotten() -> None:
    """Each end lets the next one begin, failed or not; also where the one that was next is taken away."""
    lanes = Lanes(ConcurrencyLimit(10), CostEstimates(), SlowTemplates(1))
    for offset in range(6):
        lanes.append(poster(offset, partition=offset % 2))
    order = begun(lanes)
    lanes.end(order[-1])
    order += begun(lanes)
    waiting = [each.offset for each in lanes]
    lanes.end(order[-1])
    lanes.drop({("poster-renders", 0)})
    while taken := begun(lanes):
        order += taken
        lanes.end(taken[0])

    assert sorted(waiting) == [2, 3, 4, 5]
    assert [each.offset for each in order] == [0, 1, 3, 5]
    assert list(lanes) == []


def test_an_estimate_follows_what_was_measured() -> None:
    """A kind has its own average, and one that was never drawn that of all."""
    costs = CostEstimates()
    unknown = costs.estimate("new")
    for _ in range(30):
        costs.note("slow", 10.0)
        costs.note("fast", 0.1)

    assert unknown == FIRST_SECONDS
    assert costs.estimate("slow") > 9.9
    assert costs.estimate("fast") < 0.2
    assert 0.1 < costs.estimate("new") < 10
