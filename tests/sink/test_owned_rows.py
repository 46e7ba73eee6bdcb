"""Which rows of a request are written where some of its posters are erased."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

from agents.ownership import Grant, JobCommand
from agents.sink.owned_rows import owned_rows
from agents.sink.rows import JobRow, PosterRow, Row

NOW = datetime(2026, 3, 1, tzinfo=UTC)
EVENT = UUID(int=1)
COMMAND = JobCommand(job_id="job", source="shop", kind="request", event_id=EVENT, requested_at=NOW, last=1)
JOB = JobRow(job_id="job", total_count=2, requested_at=NOW, source="shop")


def poster(index: int, generation: int = 0) -> PosterRow:
    """Return the row of a poster that is requested with data."""
    return PosterRow(
        job_id="job",
        poster_index=index,
        status="queued",
        event_id=EVENT,
        created_at=NOW,
        generation=generation,
        custom_data={"name": "Ann"},
        output={"width": 100},
    )


def test_data_of_erased_posters_are_not_stored_again() -> None:
    """A request that is sent again stores the data of the posters that are not erased, and no other."""
    rows: list[Row] = [JOB, poster(0), poster(1)]

    written = owned_rows(rows, COMMAND, Grant(owner="shop", erased_indexes=frozenset({0})))

    assert written == [JOB, replace(poster(0), custom_data={}, output=None), poster(1)]


def test_a_replay_opens_no_erased_poster() -> None:
    """Intake does not have it rendered, so nothing would end it."""
    rows: list[Row] = [JOB, poster(0, 1), poster(1, 1)]
    replay = replace(COMMAND, generation=1)

    assert owned_rows(rows, replay, Grant(erased_indexes=frozenset({0}))) == [JOB, poster(1, 1)]
    assert owned_rows(rows, replay, Grant(erased_indexes=frozenset({0, 1}))) == []
