"""What makes facts, jobs and data the same."""

import itertools
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import canonical, decode
from schemas.envelope import fact_id, new_job_id
from schemas.requests import JobCancelRequested
from tests.contract.published import example, to_bytes

MOMENT = datetime(2026, 3, 2, 9, 15, 4, 120000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("identity", "event_id"),
    [
        (("poster.completed", "template_gen_1", 0, 0, 1), "b3e8c83e-9c41-51fc-9d12-af32208db616"),
        (("poster.failed", "template_gen_1", 0, 0, 1), "31b7cd28-f226-5c05-b1e6-a1acfd0ccf3b"),
        (("job-é", "job.completed", 7), "c75219e7-c799-566b-91d5-dc3a5b456a00"),
    ],
)
def test_facts_keep_their_ids(identity: tuple[object, ...], event_id: str) -> None:
    """A fact has the id it always had: a change of the rule would make every replay look like news."""
    assert str(fact_id(*identity)) == event_id
    assert fact_id(*identity).version == 5


@given(st.lists(st.text("ab1", max_size=3), max_size=3), st.lists(st.text("ab1", max_size=3), max_size=3))
def test_different_facts_differ(one: list[str], other: list[str]) -> None:
    """Different parts make different ids, wherever the parts are cut; a fact has a part."""
    if one and other and one != other:
        assert fact_id(*one) != fact_id(*other)


def test_job_id_is_a_uuid_of_its_time() -> None:
    """A new job id is the prefix and a UUIDv7 that holds its millisecond."""
    job_id = new_job_id(MOMENT, bytes(range(10)))
    number = UUID(job_id.removeprefix("template_gen_"))

    assert (number.version, number.variant) == (7, "specified in RFC 4122")
    assert number.int >> 80 == int(MOMENT.timestamp() * 1000)
    assert len(job_id) == 45


@given(st.lists(st.integers(0, 10**6), min_size=2, unique=True), st.randoms(use_true_random=False))
def test_job_ids_sort_by_time(milliseconds: list[int], generator: random.Random) -> None:
    """Job ids of different milliseconds sort as their times do, and each is a job id of the contract."""
    moments = sorted(MOMENT + timedelta(milliseconds=number) for number in milliseconds)
    job_ids = [new_job_id(moment, generator.randbytes(10)) for moment in moments]

    assert job_ids == sorted(job_ids)
    for job_id in job_ids:
        event = decode(to_bytes({**example("job.cancel_requested", "minimal"), "job_id": job_id}), JobCancelRequested)
        assert event.job_id == job_id


def test_job_id_takes_all_its_randomness() -> None:
    """Each of the 74 random bits of an id comes from the random bytes, and too few of those are refused."""
    ids = {new_job_id(MOMENT, (1 << bit).to_bytes(10)) for bit in range(80)}

    assert len(ids) == 75  # 74 bits that count, and 6 that do not and so give the same
    with pytest.raises(ValueError, match="10 random bytes, got 9"):
        new_job_id(MOMENT, bytes(9))


def test_canonical_data_has_no_order() -> None:
    """Equal data is equal bytes, in whatever order its names came, at every depth."""
    pairs = [("b", {"y": 1, "x": [{"d": "é", "c": 2.5}]}), ("a", None), ("é", True)]
    turned = [("b", {"x": [{"c": 2.5, "d": "é"}], "y": 1}), *pairs[1:]]

    forms = {canonical(dict(order)) for start in (pairs, turned) for order in itertools.permutations(start)}

    assert forms == {'{"a":null,"b":{"x":[{"c":2.5,"d":"é"}],"y":1},"é":true}'.encode()}


@given(st.dictionaries(st.text(max_size=5), st.integers(-(2**63), 2**64 - 1) | st.text(max_size=5), max_size=6))
def test_canonical_data_differs_with_its_values(data: dict[str, int | str]) -> None:
    """Different data is different bytes."""
    for name, value in data.items():
        assert canonical({**data, name: f"{value}!"}) != canonical(data)
        assert canonical({other: data[other] for other in data if other != name}) != canonical(data)
