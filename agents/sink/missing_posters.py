"""Posters that a batch declares and no part brings: found in bounded steps, and by shares between jobs.

What a step costs depends on what jobs have sent and on its limits, not on how many posters they declare.
"""

from collections import deque
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import orjson

from agents.postgres import Connection
from agents.sink.flush import JobState
from agents.sink.job_events import job_records
from agents.sink.open_posters import SQL, FetchRows, OpenPoster, open_poster
from schemas.limits import JOB_MAX_POSTERS
from streams.delivery import Publisher

Cause = Literal["incomplete", "abandoned"]
"""Why the posters do not come any more: their time is over, or the job is cancelled."""

POSTERS_A_SWEEP: Final = 10_000
JOBS_A_SWEEP: Final = 2_000
PAGE_SIZE: Final = 1_000
_START: Final = (datetime.min.replace(tzinfo=UTC, year=2), "")


@dataclass(slots=True)
class _Share:
    """What one job gets of a sweep: up to `posters` missing ones with an index from `first` to `last`."""

    job_id: str
    first: int
    last: int
    posters: int


def shares(missing: Sequence[int], posters: int) -> list[int]:
    """Return how many of its missing posters each job gets, `posters` in all.

    Each gets an equal share; what a job does not need goes to the larger ones.
    """
    given = [0] * len(missing)
    for rank, job in enumerate(sorted(range(len(missing)), key=missing.__getitem__)):
        given[job] = min(missing[job], posters // (len(missing) - rank))
        posters -= given[job]
    return given


class MissingPosters:
    """Finds the missing posters of one cause. Where there are too many jobs, the next sweep goes on with the others."""

    def __init__(self, cause: Cause) -> None:
        self._cause = cause
        self._after = _START

    async def pages(self, fetch: FetchRows, timeout: timedelta | None) -> AsyncIterator[list[OpenPoster]]:
        """Yield up to `POSTERS_A_SWEEP` posters in pages; `timeout` is that of incomplete batches, else None.

        Raises what `fetch` raises.
        """
        waiting = deque(await self._shares(fetch, timeout))
        while waiting:
            page: list[_Share] = []
            room = PAGE_SIZE
            while waiting and room:
                share = waiting.popleft()
                page.append(_Share(share.job_id, share.first, share.last, min(share.posters, room)))
                room -= page[-1].posters
                share.posters -= page[-1].posters
                if share.posters:
                    waiting.appendleft(share)
            posters = await _read(fetch, page, timeout)
            if waiting and posters and waiting[0].job_id == posters[-1].job_id:
                waiting[0].first = posters[-1].poster_index + 1
            yield posters

    async def _shares(self, fetch: FetchRows, timeout: timedelta | None) -> list[_Share]:
        arguments = [JOBS_A_SWEEP, JOB_MAX_POSTERS] if timeout is None else [timeout, JOBS_A_SWEEP, JOB_MAX_POSTERS]
        jobs = await fetch(SQL[self._cause], *self._after, *arguments)
        self._after = (jobs[-1]["since"], jobs[-1]["job_id"]) if len(jobs) == JOBS_A_SWEEP else _START
        given = shares([job["missing"] for job in jobs], POSTERS_A_SWEEP)
        # Among so many indexes more than those that are known, so many are missing.
        return [
            _Share(job["job_id"], 0, job["known"] + count - 1, count) for job, count in zip(jobs, given, strict=True)
        ]


async def _read(fetch: FetchRows, page: Sequence[_Share], timeout: timedelta | None) -> list[OpenPoster]:
    columns = ([getattr(share, name) for share in page] for name in ("job_id", "first", "last", "posters"))
    return [open_poster(row) for row in await fetch(SQL["missing"], *columns, timeout)]


async def close_oversized_jobs(connection: Connection, publisher: Publisher, timeout: timedelta) -> int:
    """Lower the total of open jobs that declare more posters than a job may have; return how many.

    Only earlier builds accepted them. Such a job ends with the posters that came, and one event says so, instead of an
    outcome for each poster that it declared. Call it in a transaction: the events are published before the commit, and
    the next sweep repeats what was not announced.
    """
    rows = await connection.fetch(SQL["oversized"], timeout, JOB_MAX_POSTERS)
    if not rows:
        return 0
    closed = await connection.fetch(SQL["close"], [row["job_id"] for row in rows])
    jobs = [JobState(**{**row, "metadata": orjson.loads(row["metadata"])}) for row in closed]
    await publisher.publish(job_records(jobs, {}))
    return len(jobs)
