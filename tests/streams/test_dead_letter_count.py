"""Dead letters are counted in the order in which their records were taken."""

from random import Random

import pytest

from streams.dead_letters.dead_letter_count import (
    BURST_RECORDS,
    BURST_SOURCES,
    DeadLetterCount,
)
from streams.producers import Producer


@pytest.mark.parametrize(("share", "least", "most"), [(0.9, 0, 1), (0.99, 1, 19), (1.0, 20, 20)])
def test_the_order_of_taking_counts_not_that_of_failing(share: float, least: int, most: int) -> None:
    """Reported as taken, records exceed the limit exactly by its rule; in any other order never without reason."""
    random = Random(5)  # noqa: S311 - repeatable on purpose
    exceeded = 0
    for _ in range(20):
        is_bad = [random.random() < share for _ in range(250)]
        in_a_row = any(all(is_bad[start : start + BURST_RECORDS]) for start in range(251 - BURST_RECORDS))
        taken_order = [offset for offset in range(250) if is_bad[offset]]
        any_order = random.sample(taken_order, len(taken_order))

        assert exceeds(taken_order) == in_a_row
        assert in_a_row or not exceeds(any_order)
        exceeded += in_a_row
    assert least <= exceeded <= most


def exceeds(dead_letters: list[int]) -> bool:
    """Say whether 250 records exceed the limit, of which these become dead letters in this order."""
    count = DeadLetterCount()
    for offset in range(250):
        count.add_taken(("t", 0, offset), 0.0)
    producers = [Producer(f"site-{number}", b"k") for number in range(BURST_SOURCES)]
    return any(
        count.add_dead_letter(("t", 0, offset), producers[offset % BURST_SOURCES], 0.0) for offset in dead_letters
    )
