"""Shares of sources as a plain data structure: bounds, no starvation, work conservation, bounded memory."""

from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from renderer.deficit_round_robin import IDLE_MAX, SOURCES_MAX, DeficitRoundRobin

QUANTUM = 0.1
WEIGHTS = st.dictionaries(st.sampled_from("abcd"), st.floats(0.1, 10), min_size=1)


def served(queue: DeficitRoundRobin[float], turns: int, *, estimate: float | None = None) -> Counter[str | None]:
    """Serve so many turns; return what each source got. An item is its cost, charged at once or after an estimate."""
    got: Counter[str | None] = Counter()
    for _ in range(turns):
        source, cost = queue.popleft()
        queue.charge(source, cost if estimate is None else estimate)
        if estimate is not None:
            queue.charge(source, cost - estimate)
        got[source] += cost  # type: ignore[assignment]
        queue.append(source, cost)
    return got


@given(weights=WEIGHTS, seed=st.integers(0, 2**32), estimate=st.none() | st.floats(0.01, 1))
@settings(max_examples=40, deadline=None)
def test_backlogged_sources_have_their_shares_by_cost(
    weights: dict[str, float], seed: int, estimate: float | None
) -> None:
    """However many items a source has and whatever they cost, shares differ by a few items at most."""
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    queue: DeficitRoundRobin[float] = DeficitRoundRobin(QUANTUM, weights)
    costs = {source: random.choice((0.01, 0.1, 1.0, 15.0)) for source in [*weights, None]}
    for source, cost in costs.items():
        for _ in range(random.randint(1, 5)):
            queue.append(source, cost)
    got = served(queue, 2_000, estimate=estimate)

    share = {source: got[source] / weights.get(source or "", 1.0) for source in costs}
    most = max((cost + QUANTUM) / weights.get(source or "", 1.0) for source, cost in costs.items())
    assert max(share.values()) - min(share.values()) <= 4 * most, (share, costs)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", None]), st.floats(0, 20)), max_size=60))
def test_whatever_waits_is_handed_out_each_once(items: list[tuple[str | None, float]]) -> None:
    """Work conservation: a queue that is not empty hands something out, in the order of each source."""
    queue: DeficitRoundRobin[tuple[int, float]] = DeficitRoundRobin(QUANTUM)
    for number, (source, cost) in enumerate(items):
        queue.append(source, (number, cost))
    order: dict[str | None, list[int]] = {}
    while len(queue):
        source, (number, cost) = queue.popleft()
        queue.charge(source, cost)
        order.setdefault(source, []).append(number)

    assert order == {
        source: [number for number, (each, _) in enumerate(items) if each == source] for source, _ in items
    }
    with pytest.raises(IndexError):
        queue.popleft()


def test_a_source_alone_has_everything_whatever_it_owes() -> None:
    """Debt is towards others; without any it delays nothing."""
    queue: DeficitRoundRobin[float] = DeficitRoundRobin(QUANTUM)
    queue.append("alone", 15.0)

    assert served(queue, 5)["alone"] == 75


def test_a_newcomer_is_next() -> None:
    """A single item does not wait for a round of those that have a backlog."""
    queue: DeficitRoundRobin[float] = DeficitRoundRobin(QUANTUM)
    for source in "abc":
        queue.append(source, 0.1)
    served(queue, 10)
    queue.append("new", 0.1)

    assert queue.popleft() == ("new", 0.1)


def test_a_source_that_comes_back_at_once_pays_before_it_is_next() -> None:
    """One item at a time is no way around the share: of seconds, both get about the same."""
    queue: DeficitRoundRobin[float] = DeficitRoundRobin(QUANTUM)
    queue.append("backlog", 0.1)
    got: Counter[str | None] = Counter()
    for _ in range(1_000):
        if queue.head("one by one") is None:
            queue.append("one by one", 1.0)
        source, cost = queue.popleft()
        queue.charge(source, cost)
        got[source] += cost  # type: ignore[assignment]
        if source == "backlog":
            queue.append("backlog", 0.1)

    assert got["one by one"] == pytest.approx(got["backlog"], abs=1.5)


def test_made_up_names_have_half_of_the_turns_at_most() -> None:
    """A name that was never seen owes nothing, so each would be next."""
    queue: DeficitRoundRobin[int] = DeficitRoundRobin(QUANTUM)
    got: Counter[bool] = Counter()
    for number in range(1_000):
        queue.append("honest", number)
        queue.append(f"made up {number}", number)
        source, _ = queue.popleft()
        queue.charge(source, 0.1)
        got[source == "honest"] += 1

    assert got[True] >= 499


def test_memory_of_sources_is_bounded() -> None:
    """Those beyond the bound share a queue, and lose none of their items; debts of the longest idle are forgotten."""
    queue: DeficitRoundRobin[int] = DeficitRoundRobin(QUANTUM, {"named": 2.0})
    for number in range(3 * IDLE_MAX):
        queue.append(str(number), number)
    queue.append("named", -1)
    with_backlog = queue.sources
    items = []
    while len(queue):
        source, item = queue.popleft()
        queue.charge(source, 1.0)
        items.append(item)

    assert len(with_backlog) == SOURCES_MAX + 2
    assert "named" in with_backlog
    assert sorted(items) == list(range(-1, 3 * IDLE_MAX))
    assert len(queue._idle) <= IDLE_MAX


def test_only_admitted_sources_are_served_and_no_turn_is_lost() -> None:
    """A source that may not be served now keeps what it has."""
    queue: DeficitRoundRobin[int] = DeficitRoundRobin(QUANTUM)
    for number in range(4):
        queue.append("a", number)
        queue.append("b", number)
    only_b = [queue.popleft(lambda source: source == "b")[0] for _ in range(3)]

    assert only_b == ["b"] * 3
    assert not queue.can_pop(lambda source: source == "c")
    assert queue.popleft() == ("a", 0)


def test_items_are_removed_by_name_and_by_condition() -> None:
    """What is removed is not handed out, and its source is gone with its last item."""
    queue: DeficitRoundRobin[int] = DeficitRoundRobin(QUANTUM)
    for number in range(4):
        queue.append("a", number)
    queue.append("b", 9)
    queue.appendleft("a", -1)
    queue.remove("a", 0)
    queue.remove("b", 9)
    queue.drop(lambda item: item == 2)

    assert list(queue) == [-1, 1, 3]
    assert queue.sources == ("a",)
    with pytest.raises(ValueError, match="no such item"):
        queue.remove("b", 9)
