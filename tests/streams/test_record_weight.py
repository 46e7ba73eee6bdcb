"""Records count against an inbox's cap by their size."""

from uuid import UUID

import pytest
from msgspec import Raw

from schemas.codec import encode
from schemas.requests import BatchRequested
from streams.inbox import weigh_by_size
from tests.streams.deliveries import EPOCH, delivery


def test_a_batch_weighs_by_its_size() -> None:
    """In-flight records are bounded in bytes: a batch of 500 posters weighs more than a single one."""
    posters = [Raw(b'{"entity_id":"e"}')]
    single, full = (
        encode(BatchRequested(event_id=UUID(int=1), occurred_at=EPOCH, job_id="j", template_id="s", posters=each))
        for each in (posters, posters * 500)
    )

    assert weigh_by_size(delivery(0, value=single)) == 1
    assert weigh_by_size(delivery(0, value=full)) > 4


@pytest.mark.parametrize(("value", "weight"), [(None, 1), (b"", 1), (b"x" * 2_047, 1), (b"x" * 2_048, 2)])
def test_a_record_weighs_at_least_one(value: bytes | None, weight: int) -> None:
    """A tombstone counts as one record; every full 2 KB adds one."""
    assert weigh_by_size(delivery(0, value=value)) == weight
