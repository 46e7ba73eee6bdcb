"""Which requests ask again for the posters of a job."""

from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from posters.operations.replay import Recorded, indexes_of, replay_records
from schemas.codec import decode
from schemas.requests import BatchRequested, PosterRequested
from streams.replay import generation_of

NOW = datetime(2026, 1, 2, tzinfo=UTC)
STAMP = {"event_id": UUID(int=1), "occurred_at": datetime(2026, 1, 1, tzinfo=UTC)}


def part(first: int, count: int) -> BatchRequested:
    """Return a part of a batch of ten."""
    return BatchRequested(
        **STAMP,  # type: ignore[arg-type]
        job_id="job",
        template_id="x_latest",
        posters=[msgspec.Raw(b'{"custom_data":{"n":%d}}' % (first + number)) for number in range(count)],
        part=1 if first == 0 else 2,
        parts=2,
        first_index=first,
        total_count=10,
    )


def test_a_request_says_which_posters_it_has() -> None:
    """A single one is index 0; the posters of a part count on from its first."""
    single = PosterRequested(**STAMP, job_id="job", template_id="x_latest")  # type: ignore[arg-type]

    assert list(indexes_of(single)) == [0]
    assert list(indexes_of(part(7, 3))) == [7, 8, 9]


@pytest.mark.parametrize("first", [0, 5])
def test_only_wanted_posters_are_asked_for_each_above_its_generation(first: int) -> None:
    """Runs of equal generation and version are one request each, pinned to the version of the first time."""
    wanted = {
        first: Recorded(generation=0, template="v1"),
        first + 1: Recorded(generation=0, template="v1"),
        first + 3: Recorded(generation=2, template=None),
    }
    records = list(replay_records(part(first, 5), wanted, (), NOW))
    requests = [decode(record.value, BatchRequested) for record in records]

    assert [list(indexes_of(request)) for request in requests] == [[first, first + 1], [first + 3]]
    assert [generation_of(record.headers) for record in records] == [1, 3]
    assert [request.template_id for request in requests] == ["v1", "x_latest"]
    assert records == list(replay_records(part(first, 5), wanted, (), NOW))
