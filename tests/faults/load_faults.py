"""A backlog of ten thousand bulk posters: latency of single posters, progress of the bulk lane, memory."""

import statistics
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from schemas import topics
from schemas.outcomes import PosterOutcome
from schemas.requests import JobCancelRequested
from tests.faults.world import World
from tests.flow.system import new_job, stamp

BULK: Final = 10_000
PART: Final = 500
PROBES: Final = 30
BURST: Final = 60
MEMORY_MIB: Final = 100.0


def backlog(world: World, _: int) -> list[float]:
    """Behind a backlog of 10,000 bulk posters, single posters are requested; in the end the backlog is cancelled."""
    (worker,) = world.workers
    idle = probe(world)
    before = worker.memory()
    job = _ask_for_bulk(world)
    arriving = probe(world)
    world.expect(lambda: _recorded(world, job) == BULK)
    busy = probe(world)
    share = _share_of_bulk(world, job)
    memory = worker.memory() - before
    world.system.send(topics.POSTER_REQUESTS, job, JobCancelRequested(**stamp(), job_id=job))
    world.figures |= {
        "single posters, p95 without a backlog, ms": p95(idle),
        "single posters, p95 while the backlog arrives, ms": p95(arriving),
        "single posters, p95 with the backlog, ms": p95(busy),
        "share of bulk while single posters wait, %": round(100 * share),
        "memory above the baseline, MiB": round(memory, 1),
    }
    recovery = world.settle(300)
    assert p95(busy) <= 2 * p95(idle) + statistics.median(each.generation_time_ms or 0 for each in idle), world.figures
    assert share >= 0.2, world.figures
    assert memory < MEMORY_MIB, world.figures
    return [recovery]


def probe(world: World) -> list[PosterOutcome]:
    """Request single posters one after the other and return their outcomes."""
    return [world.system.outcome(_ask_for_one(world)) for _ in range(PROBES)]


def _ask_for_one(world: World) -> str:
    job = new_job()
    world.ledger.expected[job, 0] = "completed"
    return world.system.request(world.template, {"title": job}, job_id=job, entity_id=job)


def _ask_for_bulk(world: World) -> str:
    job = new_job()
    world.ledger.expected |= {(job, index): "completed or cancelled" for index in range(BULK)}
    for part in range(BULK // PART):
        posters: list[dict[str, Any]] = [
            {"custom_data": {"title": f"{job} {part} {number}"}, "entity_id": job} for number in range(PART)
        ]
        event = {
            "type": "batch.requested",
            "version": 1,
            "event_id": str(stamp()["event_id"]),
            "occurred_at": datetime.now(UTC).isoformat(),
            "job_id": job,
            "template_id": world.template,
            "posters": posters,
            "part": part + 1,
            "parts": BULK // PART,
            "first_index": part * PART,
            "total_count": BULK,
        }
        world.system.send(topics.POSTER_REQUESTS, job, orjson.dumps(event))
    return job


def _share_of_bulk(world: World, job: str) -> float:
    """Return the share of bulk outcomes while more single posters wait than can be rendered at once."""
    before = _ended(world, job)
    single = [_ask_for_one(world) for _ in range(BURST)]
    world.expect(lambda: sum(_ended(world, each) for each in single) == BURST)
    bulk = _ended(world, job) - before
    return bulk / (bulk + BURST)


def _recorded(world: World, job: str) -> int:
    query = "SELECT count(*) AS n FROM template_poster_results WHERE job_id = %s"
    return int(world.system.rows(query, job)[0]["n"])


def _ended(world: World, job: str) -> int:
    query = "SELECT count(*) AS n FROM template_poster_results WHERE job_id = %s AND status = 'completed'"
    return int(world.system.rows(query, job)[0]["n"])


def p95(outcomes: list[PosterOutcome]) -> float:
    milliseconds = sorted((each.queue_time_ms or 0) + (each.generation_time_ms or 0) for each in outcomes)
    return float(milliseconds[int(0.95 * len(milliseconds))])
