"""What is encoded is decoded to the same."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import decode, decode_poster, encode
from schemas.outcomes import Failure, PosterOutcome
from schemas.progress import LogRecorded
from schemas.requests import BatchPoster, BatchRequested, PosterRequested
from tests.contract.published import example, to_bytes, to_object

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | text
finite = scalars.filter(lambda value: value not in (float("inf"), float("-inf")))
values = st.recursive(finite, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3))
objects = st.dictionaries(text, values, max_size=4)
times = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - the bounds are naive, the zone is given beside them
job_ids = st.from_regex(r"[A-Za-z0-9_-]{1,80}", fullmatch=True)
entity_ids = text.filter(lambda value: len(value.encode()) <= 128)
envelope: dict[str, Any] = {
    "event_id": st.uuids(),
    "occurred_at": times,
    "source": st.none() | st.text("abc.ü", max_size=64),
}
posters = st.builds(
    PosterRequested,
    **envelope,
    job_id=job_ids,
    template_id=text,
    entity_id=entity_ids,
    custom_data=objects,
    metadata=objects,
    output=st.none() | st.fixed_dictionaries({}, optional={"width": st.integers(1, 8192), "format": st.just("webp")}),
    strict=st.booleans(),
    reuse=st.booleans(),
    priority=st.sampled_from(["normal", "bulk"]),
    deadline=st.none() | times,
)
failures = st.builds(
    PosterOutcome,
    **envelope,
    type=st.just("poster.failed"),
    status=st.just("failed"),
    job_id=job_ids,
    poster_index=st.integers(0, 2**31 - 1),
    entity_id=entity_ids,
    attempt=st.integers(1, 4),
    error=st.builds(Failure, code=st.sampled_from(["upload", "expired"]), message=text, retryable=st.booleans()),
    metadata=objects,
)
logs = st.builds(
    LogRecorded,
    **envelope,
    job_id=job_ids,
    level=st.sampled_from(["INFO", "WARNING", "ERROR"]),
    code=text,
    message=text,
    details=objects,
    poster_index=st.none() | st.integers(0, 500),
)


@given(posters | failures | logs)
def test_events_come_back_equal(event: PosterRequested | PosterOutcome | LogRecorded) -> None:
    """Any event that can be made is the same after a journey through bytes."""
    assert decode(encode(event), type(event)) == event


@given(st.lists(st.fixed_dictionaries({}, optional={"entity_id": entity_ids, "custom_data": objects}), min_size=1))
def test_posters_of_a_batch_stay_as_sent(sent: list[dict[str, Any]]) -> None:
    """The posters of a batch are carried on untouched, and each can be read."""
    event = decode(to_bytes({**example("batch.requested", "minimal"), "posters": sent}), BatchRequested)

    assert to_object(encode(event))["posters"] == sent
    assert [decode_poster(poster) for poster in event.posters] == [BatchPoster(**poster) for poster in sent]


@given(objects)
def test_metadata_comes_back_untouched(metadata: dict[str, Any]) -> None:
    """What a site sends as metadata is what it gets, value for value."""
    event = decode(to_bytes({**example("poster.requested", "minimal"), "metadata": metadata}), PosterRequested)

    assert to_object(encode(event))["metadata"] == metadata


def test_times_name_their_zone() -> None:
    """Times in UTC end in Z, others keep their offset: the same moment either way."""
    event = decode(to_bytes(example("poster.requested", "minimal")), PosterRequested)
    moment = datetime(2030, 1, 1, 10, tzinfo=timezone(timedelta(hours=2)))
    written = to_object(encode(PosterRequested(**{**fields_of(event), "deadline": moment})))

    assert written["deadline"] == "2030-01-01T10:00:00+02:00"
    assert written["occurred_at"].endswith("Z")


def test_producers_are_told_at_once() -> None:
    """Breaking a limit in Python is a ValueError where the event is made, before anything is sent."""
    event = decode(to_bytes(example("poster.requested", "minimal")), PosterRequested)

    for broken in ({"entity_id": "\ud83c"}, {"custom_data": {"n": 2**64}}, {"metadata": {"a": "x" * 5_000}}):
        with pytest.raises(ValueError, match=r"`(entity_id|custom_data\.n|metadata)`"):
            PosterRequested(**{**fields_of(event), **broken})


def fields_of(event: PosterRequested) -> dict[str, Any]:
    """Return the fields of an event to make another from."""
    return {name: getattr(event, name) for name in event.__dataclass_fields__}
