"""A hostile site beside one that works: it requests, cancels, replays and erases the other's jobs."""

from typing import Any, Final
from uuid import uuid4

from schemas import topics
from schemas.codec import encode
from schemas.requests import JobCancelRequested, JobReplayRequested, PosterEraseRequested, PosterRequested
from streams.delivery import Record
from streams.replay import GENERATION
from tests.faults.world import World
from tests.flow.system import new_job, stamp

VICTIMS: Final = 5
CLAIMED: Final = "SELECT job_id FROM job_owners WHERE source = 'tests' ORDER BY job_id"
"""Before a job is claimed, whoever requests it first owns it."""
LAST_GENERATION: Final = (GENERATION, str(2**31 - 1).encode())


def hostile_site(world: World, times: int) -> list[float]:
    """Under load, a second site requests, cancels, replays and erases jobs of the first: none of them changes."""
    recoveries = []
    with world.load(4):
        for number in range(times):
            world.approach(0.5, 2)
            guessed = _cancel_guessed_job(world)
            jobs = [row["job_id"] for row in world.system.rows(CLAIMED)]
            for job in world.random.sample(jobs, min(VICTIMS, len(jobs))):
                _attack(world, job)
            world.ledger.expected[guessed, 0] = "completed"
            world.system.request(world.template, {"title": guessed}, job_id=guessed, entity_id=guessed)
            if number % 3 == 2:
                victim = world.random.choice(world.workers)
                victim.kill()
                victim.start()
            recoveries.append(world.recovered())
    return recoveries


def _evil() -> dict[str, Any]:
    return {**stamp(), "source": "evil"}


def _cancel_guessed_job(world: World) -> str:
    """Cancel and erase a job that is not requested yet, and return it."""
    job = new_job()
    for event in (JobCancelRequested(**_evil(), job_id=job), PosterEraseRequested(**_evil(), job_id=job)):
        key = f"guessed {uuid4().hex}"
        # Delivered again once the job is requested, it is a dead letter.
        world.ledger.optional_letters.add(key.encode())
        world.system.send(topics.POSTER_REQUESTS, key, event)
    query = "SELECT FROM early_commands WHERE job_id = %s AND cancel_event_id IS NOT NULL AND erased_at IS NOT NULL"
    world.expect(lambda: bool(world.system.rows(query, job)))
    return job


def _attack(world: World, job: str) -> None:
    """Send everything that a site may send about a job; each record has to become a dead letter, and nothing else."""
    events = [
        PosterRequested(**_evil(), job_id=job, template_id=world.template, custom_data={"title": "evil"}),
        PosterRequested(**_evil(), job_id=job, template_id="nothing_latest"),
        JobCancelRequested(**_evil(), job_id=job),
        JobReplayRequested(**_evil(), job_id=job),
        PosterEraseRequested(**_evil(), job_id=job),
    ]
    broken = b'{"type":"poster.requested","version":1,"source":"evil","job_id":"%b","template_id":5}' % job.encode()
    for value in [*map(encode, events), broken]:
        key = f"evil {uuid4().hex}".encode()
        world.ledger.poison[key] = value
        headers = (LAST_GENERATION,) if world.random.random() < 0.5 else ()
        world.system.produce(Record(topic=topics.POSTER_REQUESTS, key=key, value=value, headers=headers))
