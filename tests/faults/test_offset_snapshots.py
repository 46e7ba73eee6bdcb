"""The check of committed offsets detects the errors that it exists for."""

from datetime import timedelta
from typing import Any

from schemas import topics
from tests.faults.offset_snapshots import Effects, LocatedRecord, OffsetSnapshot, Poster, acknowledged_early
from tests.streams.deliveries import EPOCH

JOB: Poster = ("job", 0)
PLACE = 0


def located(topic: str, offset: int, **body: Any) -> LocatedRecord:
    """Return a record about the only poster of the job."""
    whole = {"job_id": "job", "poster_index": 0, **body}
    return LocatedRecord(topic=topic, partition=PLACE, offset=offset, key=b"job", body=whole, headers={})


def found(
    records: list[LocatedRecord], *, group: str, topic: str, ends: dict[str, int], recorded: float = 0.0
) -> list[str]:
    """Return the early acknowledgements where a group had committed one record of a topic."""
    effects = Effects()
    for record in records:
        effects.add(record)
    committed = {each: {(topic, PLACE): 1} if each == group else {} for each in ("intake", "render", "retry", "sink")}
    snapshot = OffsetSnapshot(committed=committed, ends={(name, PLACE): end for name, end in ends.items()}, at=EPOCH)
    return list(acknowledged_early(effects, snapshot, {JOB: EPOCH + timedelta(seconds=recorded)}, lambda _: False))


def test_a_request_committed_before_it_was_published_is_detected() -> None:
    """What intake publishes must be on its topic by the time its offset is committed."""
    flow = [located(topics.POSTER_REQUESTS, 0), located(topics.POSTER_RENDERS, 3, attempt=1)]
    asked = {"group": "intake", "topic": topics.POSTER_REQUESTS}

    assert found(flow, **asked, ends={topics.POSTER_RENDERS: 4}) == []  # type: ignore[arg-type]
    assert len(found(flow, **asked, ends={topics.POSTER_RENDERS: 3})) == 1  # type: ignore[arg-type]
    assert len(found(flow[:1], **asked, ends={})) == 1  # type: ignore[arg-type]


def test_a_poster_committed_before_its_outcome_is_detected() -> None:
    """An outcome or a retry must be published before the commit; a later outcome does not count."""
    taken = located(topics.POSTER_RENDERS, 0, attempt=1)
    asked = {"group": "render", "topic": topics.POSTER_RENDERS}
    ended, again = located(topics.POSTER_COMPLETIONS, 5), located(topics.POSTER_RETRIES[0], 2, tier=1)

    assert found([taken, ended], **asked, ends={topics.POSTER_COMPLETIONS: 6}) == []  # type: ignore[arg-type]
    assert found([taken, again], **asked, ends={topics.POSTER_RETRIES[0]: 3}) == []  # type: ignore[arg-type]
    assert len(found([taken, ended], **asked, ends={topics.POSTER_COMPLETIONS: 5})) == 1  # type: ignore[arg-type]


def test_a_retry_is_followed_by_its_own_attempt() -> None:
    """The attempt before a retry is not its effect."""
    waited = located(topics.POSTER_RETRIES[0], 0, tier=1)
    asked = {"group": "retry", "topic": topics.POSTER_RETRIES[0], "ends": {topics.POSTER_RENDERS: 9}}
    first, second = located(topics.POSTER_RENDERS, 1, attempt=1), located(topics.POSTER_RENDERS, 2, attempt=2)

    assert len(found([waited, first], **asked)) == 1  # type: ignore[arg-type]
    assert found([waited, first, second], **asked) == []  # type: ignore[arg-type]


def test_an_outcome_committed_before_it_was_written_is_detected() -> None:
    """The sink acknowledges only after its transaction."""
    asked = {"group": "sink", "topic": topics.POSTER_COMPLETIONS, "ends": {}}
    ended = [located(topics.POSTER_COMPLETIONS, 0)]

    assert found(ended, **asked, recorded=-1.0) == []  # type: ignore[arg-type]
    assert len(found(ended, **asked, recorded=1.0)) == 1  # type: ignore[arg-type]
