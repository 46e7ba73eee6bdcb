"""A record over its topic's size limit is reduced or fails its poster: never lost, and never retried forever."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agents.oversized import ReducingPublisher
from schemas import topics
from schemas.codec import decode, encode
from schemas.outcomes import PosterOutcome
from schemas.progress import LogRecorded
from schemas.renders import PosterPinned
from streams.delivery import Record
from streams.errors import RecordTooLargeError, UnavailableError
from tests.sink.ports import Announcements

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples"
LIMIT = 2_000


class Narrow(Announcements):
    """A broker with a size limit, which refuses a whole batch for one record above it."""

    def __init__(self, limit: int = LIMIT) -> None:
        super().__init__()
        self.limit = limit
        self.calls = 0

    async def publish(self, records: Iterable[Record]) -> None:
        """Keep the records, or raise RecordTooLargeError."""
        self.calls += 1
        batch = list(records)
        if any(len(record.value or b"") > self.limit for record in batch):
            raise RecordTooLargeError("too large")
        await super().publish(batch)


def log(size: int) -> Record:
    """Return a line of the log of about this many bytes."""
    line = LogRecorded(
        event_id="00000000-0000-4000-8000-000000000001",  # type: ignore[arg-type]
        occurred_at=datetime(2026, 1, 1, tzinfo=UTC),
        job_id="job",
        level="ERROR",
        code="internal",
        message="m" * size,
        details={"more": "d" * size},
        poster_index=0,
    )
    return Record(topic=topics.POSTER_LOGS, key="job", value=encode(line))


def pinned() -> PosterPinned:
    """Return a poster to render."""
    return decode((EXAMPLES / "poster.pinned" / "1" / "testimonial.json").read_bytes(), PosterPinned)


async def test_a_poster_too_large_for_its_topic_fails_with_the_reason() -> None:
    """Its outcome names the topic; the other records of the batch are published."""
    broker, poster = Narrow(), pinned()
    large = replace(poster, custom_data={"text": "x" * LIMIT}, metadata={"m": "y" * LIMIT})
    await ReducingPublisher(broker).publish(
        [Record(topic=topics.POSTER_RENDERS, key="k", value=encode(large)), log(10)]
    )
    (outcome,) = broker.outcomes

    assert (outcome.status, outcome.job_id, outcome.poster_index) == ("failed", poster.job_id, poster.poster_index)
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.retryable) == ("invalid_request", False)
    assert topics.POSTER_RENDERS in outcome.error.message
    assert [record.topic for record in broker.records] == [topics.POSTER_COMPLETIONS, topics.POSTER_LOGS]


async def test_a_reduced_outcome_states_the_same_fact() -> None:
    """Metadata is left out; event id, status and URL are the same."""
    broker = Narrow()
    outcome = decode((EXAMPLES / "poster.completed" / "1" / "testimonial.json").read_bytes(), PosterOutcome)
    long = replace(outcome, metadata={"m": "y" * LIMIT})
    await ReducingPublisher(broker).publish([Record(topic=topics.POSTER_COMPLETIONS, key="k", value=encode(long))])
    (kept,) = broker.outcomes

    assert (kept.event_id, kept.status, kept.url) == (outcome.event_id, "completed", outcome.url)
    assert kept.metadata == {}


async def test_a_log_line_is_cut() -> None:
    """The beginning of the message stays, the details do not."""
    broker = Narrow()
    await ReducingPublisher(broker).publish([log(LIMIT)])
    (kept,) = broker.records

    assert b"mmm" in (kept.value or b"")
    assert b"ddd" not in (kept.value or b"")


async def test_a_record_without_a_reduced_form_is_retried_with_a_reason() -> None:
    """The error names the topic and its setting, so that an operator can raise it; nothing is dropped."""
    broker = Narrow()
    with pytest.raises(UnavailableError, match="template-events takes no record of 3001 bytes; raise its max"):
        await ReducingPublisher(broker).publish([Record(topic=topics.TEMPLATE_EVENTS, key="k", value=b"x" * 3_000)])

    assert broker.records == []


async def test_records_within_the_limit_cost_one_call() -> None:
    """Nothing is published twice where nothing is too large."""
    broker = Narrow()
    await ReducingPublisher(broker).publish([log(10), log(10)])

    assert (broker.calls, len(broker.records)) == (1, 2)
