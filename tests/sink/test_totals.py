"""The total of a job: bounded by the contract, the same from parts in any order, however often they are delivered."""

from itertools import permutations

import orjson
import pytest

from streams.delivery import Delivery
from tests.sink.conftest import SinkHarness

PARTS = ((1, 0), (2, 2), (3, 4))


@pytest.mark.parametrize("order", list(permutations(PARTS)))
async def test_parts_in_any_order_and_twice(harness: SinkHarness, order: tuple[tuple[int, int], ...]) -> None:
    """Three parts of a job that declares all it may are one job, with one row for each poster that came."""
    topics = harness.topics
    fields = {"parts": 200, "total_count": 100_000}
    for _ in range(2):
        for part, first in order:
            await harness.sink.process([topics.batch("job", 2, part=part, first_index=first, **fields)])

    assert await harness.jobs("status, total_count") == [("queued", 100_000)]
    assert await harness.posters("poster_index") == [(index,) for index in range(6)]


@pytest.mark.parametrize("total", [100_001, 2**31 - 1])
@pytest.mark.parametrize("parts", [1, 2**31 - 1])
async def test_a_total_over_the_bound_declares_nothing(harness: SinkHarness, total: int, parts: int) -> None:
    """A refused batch of one part is a job of the one poster that intake fails; a refused part is nothing at all."""
    valid = harness.topics.batch("job", 1)
    refused: Delivery = harness.topics.record(
        valid.topic, "job", orjson.dumps(orjson.loads(valid.value or b"") | {"total_count": total, "parts": parts})
    )
    await harness.sink.process([refused, refused])

    assert await harness.jobs("status, total_count") == ([("queued", 1)] if parts == 1 else [])
    assert harness.dead_letters.letters == []
