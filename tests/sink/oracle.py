"""What the tables must say after a set of events, worked out in the plainest way there is."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from schemas.codec import decode, decode_poster
from schemas.outcomes import PosterOutcome
from schemas.progress import LogRecorded, PosterProgress
from schemas.requests import BatchRequested
from schemas.topics import POSTER_COMPLETIONS, POSTER_LOGS, POSTER_PROGRESS, POSTER_REQUESTS
from streams.delivery import Delivery

RANKS = {"queued": 0, "processing": 1, "completed": 2, "failed": 2, "cancelled": 2}


@dataclass(frozen=True)
class Expected:
    """Posters by key: (status, generation, attempt, entity_id, pinned version); jobs: (status, total and counts)."""

    posters: dict[tuple[str, int], tuple[str, int, int, str, int | None]]
    jobs: dict[str, tuple[str, int, int, int, int]]
    logs: int


def expected(deliveries: Iterable[Delivery]) -> Expected:
    """Return what these records come to; ends of a poster count in the order given."""
    states: dict[tuple[str, int], list[tuple[int, int, int, str, str]]] = {}
    entities: dict[tuple[str, int], str] = {}
    pins: dict[tuple[str, int], int] = {}
    totals: dict[str, int] = {}
    logs = set()
    for delivery in deliveries:
        if delivery.topic == POSTER_REQUESTS:
            batch = decode(delivery.value, BatchRequested)
            totals[batch.job_id] = batch.total
            for index, raw in enumerate(batch.posters):
                entities[batch.job_id, index] = decode_poster(raw).entity_id
                states.setdefault((batch.job_id, index), []).append((0, 0, 1, "queued", ""))
        elif delivery.topic == POSTER_LOGS:
            logs.add(decode(delivery.value, LogRecorded).event_id)
        elif delivery.topic in (POSTER_PROGRESS, POSTER_COMPLETIONS):
            event = cast("PosterProgress | PosterOutcome", decode(delivery.value, PosterProgress, PosterOutcome))
            status = "queued" if event.type == "poster.queued" else "processing"
            status = event.status if isinstance(event, PosterOutcome) else status
            key = (event.job_id, event.poster_index)
            states.setdefault(key, []).append((event.generation, RANKS[status], event.attempt, status, event.entity_id))
            if event.template_version is not None:
                pins[key] = event.template_version
    posters = {}
    for key, seen in states.items():
        newest = max(generation for generation, *_ in seen)
        current = [state for state in seen if state[0] == newest]
        ends = [state for state in current if state[1] == 2]
        generation, _, attempt, status, entity = ends[0] if ends else max(current, key=lambda state: state[1:3])
        posters[key] = (status, generation, attempt, entities.get(key, entity), pins.get(key))
    return Expected(posters=posters, jobs=_jobs(posters, totals), logs=len(logs))


def _jobs(
    posters: dict[tuple[str, int], tuple[str, int, int, str, int | None]], totals: dict[str, int]
) -> dict[str, tuple[str, int, int, int, int]]:
    jobs = {}
    for job_id in {job_id for job_id, _ in posters}:
        found = [poster[0] for (job, _), poster in posters.items() if job == job_id]
        done, failed, cancelled = (found.count(word) for word in ("completed", "failed", "cancelled"))
        total = totals.get(job_id, 0)
        if total and done + failed + cancelled >= total:
            status = "cancelled" if cancelled else "completed" if done else "failed"
        else:
            status = "queued" if set(found) <= {"queued"} else "processing"
        jobs[job_id] = (status, total, done, failed, cancelled)
    return jobs
