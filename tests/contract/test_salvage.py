"""A broken request is answered where its owner can still be read."""

from uuid import UUID

import pytest

from schemas.codec import ContractError, decode
from schemas.envelope import Envelope
from schemas.salvage import Salvaged, salvage
from tests.contract.published import Event, example, to_bytes

FULL = example("poster.requested", "testimonial")
WHOSE = Salvaged(
    job_id=FULL["job_id"],
    source=FULL["source"],
    event_id=UUID(FULL["event_id"]),
    entity_id=FULL["entity_id"],
    metadata=FULL["metadata"],
)

BROKEN: dict[str, Event] = {
    "another version": {**FULL, "version": 2},
    "no template": {name: value for name, value in FULL.items() if name != "template_id"},
    "a wrong type": {**FULL, "strict": "yes"},
    "data too large": {**FULL, "custom_data": {"a": "x" * 70_000}},
    "data too deep": {**FULL, "custom_data": {"a": [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}},
    "a large integer": {**FULL, "custom_data": {"n": 2**70}},
    "U+0000": {**FULL, "custom_data": {"a": "\0"}},
    "half a pair of surrogates in the data": {**FULL, "custom_data": {"a": "\ud83c"}},
    "more than 900 KiB": {**FULL, "colour": "x" * 1_000_000},
}
# Where the JSON as a whole cannot be read, nested values are left out, and `metadata` with them.
UNREADABLE: dict[str, bytes] = {
    "data 5,000 deep": b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    "data 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "brackets and texts 5,000 deep": b'[{"]}":' * 5_000 + b'"\\"}"' + b"}]" * 5_000,
    "NaN": b'{"a": NaN}',
    "not JSON inside": b"{nothing of the kind}",
}


@pytest.mark.parametrize("event", BROKEN.values(), ids=BROKEN)
def test_owner_of_a_broken_request(event: Event) -> None:
    """What identifies a request that does not fit is read, together with what comes back in every event."""
    with pytest.raises(ContractError):
        decode(to_bytes(event), Envelope)

    assert salvage(to_bytes(event)) == WHOSE


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE)
def test_owner_of_unreadable_data(raw: bytes) -> None:
    """The owner is found past data that no JSON reader takes."""
    value = to_bytes({**FULL, "custom_data": "@"}).replace(b'"@"', raw)
    with pytest.raises(ContractError):
        decode(value, Envelope)

    salvaged = salvage(value)

    assert salvaged is not None
    assert (salvaged.job_id, salvaged.source, salvaged.entity_id) == (WHOSE.job_id, WHOSE.source, WHOSE.entity_id)


def test_what_is_wrong_is_left_out() -> None:
    """Identity that breaks a limit itself is not passed on; the job's owner is told all the same."""
    event = {**FULL, "source": "s" * 65, "event_id": "none", "entity_id": "é" * 65, "metadata": {"a": "x" * 5_000}}

    assert salvage(to_bytes(event)) == Salvaged(job_id=FULL["job_id"])


@pytest.mark.parametrize("name", ["source", "entity_id"])
def test_half_a_pair_of_surrogates(name: str) -> None:
    """A text with half a pair of surrogates hides nobody, and whole pairs stay what they are."""
    other = "entity_id" if name == "source" else "source"
    salvaged = salvage(to_bytes({**FULL, name: "\ud83c", other: "🎉"}))

    assert salvaged is not None
    assert (salvaged.job_id, getattr(salvaged, other)) == (FULL["job_id"], "🎉")


@pytest.mark.parametrize(
    ("event", "whole"),
    [
        ({**example("batch.requested"), "priority": 1}, True),
        ({**example("batch.requested"), "priority": 1, "parts": 1}, True),
        ({**example("batch.requested"), "priority": 1, "part": 1, "parts": 2}, False),
        ({**example("job.cancel_requested"), "reason": 1}, False),
        ({**example("poster.erase_requested", "job"), "section": 1}, False),
        ({**FULL, "type": "poster.demanded"}, False),
        ({**FULL, "strict": 1, "job_id": "a b"}, False),
        ({**FULL, "strict": 1, "job_id": "a\n"}, False),
        ({**FULL, "strict": 1, "job_id": 7}, False),
    ],
    ids=["batch", "one part", "two parts", "cancel", "erase", "unknown", "bad id", "newline", "number"],
)
def test_who_stands_for_a_whole_job(event: Event, whole: bool) -> None:
    """Only a poster and a batch of one part are answered: failing poster 0 would be wrong for anything else."""
    with pytest.raises(ContractError):
        decode(to_bytes(event), Envelope)

    assert (salvage(to_bytes(event)) is not None) == whole


@pytest.mark.parametrize(
    "value",
    [b'{"a":"' + b'\\"' * 1_000_000, b'{"a":' + b"[" * 2_000_000, b'{"a":"' + b"\\" * 2_000_001],
    ids=["quotes", "brackets", "backslashes"],
)
def test_bombs_are_read_once(value: bytes) -> None:
    """Two megabytes made to be slow are given up after one look."""
    assert salvage(value) is None
