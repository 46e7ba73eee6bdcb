"""Four sinks, shuffled and repeated records: the tables come out as the events say, whatever happened on the way."""

import asyncio
from random import Random

import asyncpg
import pytest

from agents.sink.database import sink_database
from agents.sink.sink import Sink
from schemas.topics import POSTER_COMPLETIONS
from streams.delivery import Delivery
from tests.sink.oracle import Expected, expected
from tests.sink.ports import Announcements, RecordedDeadLetters
from tests.sink.topics import PARTITIONS, Topics

WRITERS = 4

# Every change of a poster's state, as a reader of the table could have seen it.
HISTORY = """
    CREATE TABLE history (
        job_id text, poster_index int, old_generation int, old_rank int, old_attempt int,
        generation int, rank int, attempt int);
    CREATE FUNCTION remember() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        INSERT INTO history VALUES (
            new.job_id, new.poster_index,
            CASE WHEN tg_op = 'UPDATE' THEN old.generation END, CASE WHEN tg_op = 'UPDATE' THEN old.status_rank END,
            CASE WHEN tg_op = 'UPDATE' THEN old.attempt END, new.generation, new.status_rank, new.attempt);
        RETURN NULL;
    END $$;
    CREATE TRIGGER remember AFTER INSERT OR UPDATE ON template_poster_results
        FOR EACH ROW EXECUTE FUNCTION remember();
"""
BACKWARD_MOVES = """
    SELECT count(*) FROM history
    WHERE (generation, rank, attempt) < (old_generation, old_rank, old_attempt)
"""
ENDED_TWICE = """
    SELECT count(*) FROM (
        SELECT FROM history
        WHERE rank = 2 AND (old_rank IS DISTINCT FROM 2 OR old_generation < generation)
        GROUP BY job_id, poster_index, generation HAVING count(*) > 1) AS twice
"""
ENDS_CHANGED = """
    SELECT count(*) FROM history
    WHERE old_rank = 2 AND rank = 2 AND generation = old_generation AND attempt <> old_attempt
"""
COUNTERS_WRONG = """
    SELECT count(*) FROM template_generation_jobs j JOIN (
        SELECT job_id, count(*) FILTER (WHERE status = 'completed') AS c,
               count(*) FILTER (WHERE status = 'failed') AS f,
               count(*) FILTER (WHERE status = 'cancelled') AS x
        FROM template_poster_results GROUP BY job_id) r USING (job_id)
    WHERE (j.success_count, j.failure_count, j.cancelled_count) IS DISTINCT FROM (r.c, r.f, r.x)
"""


def stories(random: Random, topics: Topics, *, contradicting: bool) -> list[Delivery]:
    """Return the records of 40 jobs: batches, attempts, ends, replays, logs; some jobs never finish."""
    deliveries = []
    for number in range(40):
        job = f"job-{number}"
        count = random.randint(1, 12)
        if random.random() < 0.9:
            deliveries.append(topics.batch(job, count))
        for index in range(count):
            for generation in range(random.choice((1, 1, 2, 3))):
                facts = {"entity_id": f"entity-{index}", "generation": generation}
                deliveries.append(topics.queued(job, index, **facts))
                attempts = random.randint(1, 3)
                deliveries += [
                    topics.processing(job, index, **facts, attempt=attempt) for attempt in range(1, attempts + 1)
                ]
                if random.random() < 0.9:
                    end = random.choice((topics.completed, topics.failed, topics.cancelled))
                    deliveries.append(end(job, index, **facts, attempt=attempts))
                    if contradicting and random.random() < 0.3:
                        deliveries.append(topics.completed(job, index, **facts, attempt=attempts + 1))
            deliveries += [topics.log(job, 100 * index + line) for line in range(random.randint(0, 2))]
    return deliveries


def batches(random: Random, deliveries: list[Delivery]) -> list[list[Delivery]]:
    """Cut into batches of up to 50, a quarter of them twice."""
    cut = [deliveries[start : start + 50] for start in range(0, len(deliveries), 50)]
    return [batch for batch in cut for _ in range(2 if random.random() < 0.25 else 1)]


async def write_all(url: str, shares: list[list[list[Delivery]]]) -> tuple[list[Sink], list[Announcements]]:
    """Let a sink for each share flush its batches, all at once."""
    databases = [sink_database(url) for _ in shares]
    ports = [Announcements() for _ in shares]
    sinks = [Sink(database, port, RecordedDeadLetters()) for database, port in zip(databases, ports, strict=True)]

    async def work(sink: Sink, share: list[list[Delivery]]) -> None:
        for batch in share:
            await sink.process(batch)

    await asyncio.gather(*(work(sink, share) for sink, share in zip(sinks, shares, strict=True)))
    for database in databases:
        await database.close()
    return sinks, ports


async def check(url: str, truth: Expected, ports: list[Announcements]) -> None:
    """Compare the tables, their history and the job-events with the truth."""
    connection = await asyncpg.connect(url)
    posters = await connection.fetch("SELECT * FROM template_poster_results")
    jobs = await connection.fetch("SELECT * FROM template_generation_jobs")
    broken = {
        query: await connection.fetchval(query) for query in (BACKWARD_MOVES, ENDED_TWICE, ENDS_CHANGED, COUNTERS_WRONG)
    }
    logs = await connection.fetchval("SELECT count(*) FROM template_generation_logs")
    deadlocks = await connection.fetchval("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
    await connection.close()
    last = {
        event.job_id: (event.status, event.total_count, event.success_count, event.failure_count, event.cancelled_count)
        for event in sorted((event for port in ports for event in port.job_events), key=lambda event: event.revision)
    }

    assert {
        (row["job_id"], row["poster_index"]): (
            *(row[name] for name in ("status", "generation", "attempt", "entity_id", "template_version")),
        )
        for row in posters
    } == truth.posters
    assert {
        row["job_id"]: (
            *(row[name] for name in ("status", "total_count", "success_count", "failure_count", "cancelled_count")),
        )
        for row in jobs
    } == truth.jobs
    assert set(broken.values()) == {0}, broken
    assert (logs, deadlocks) == (truth.logs, 0)
    assert last == {job_id: state for job_id, state in truth.jobs.items() if state[1] > 0}


async def prepare(url: str) -> None:
    """Have every change of a result remembered."""
    connection = await asyncpg.connect(url)
    await connection.execute(HISTORY)
    await connection.close()


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_and_any_repetition_come_to_the_same(database: str, seed: int) -> None:
    """Every record to any of four sinks in any order, a quarter twice: right rows, counts, logs and last events."""
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    deliveries = stories(random, Topics(), contradicting=False)
    truth = expected(deliveries)
    shuffled = [*deliveries, *random.choices(deliveries, k=len(deliveries) // 2)]
    random.shuffle(shuffled)
    await prepare(database)
    cut = batches(random, shuffled)
    _, ports = await write_all(database, [cut[writer::WRITERS] for writer in range(WRITERS)])

    await check(database, truth, ports)


@pytest.mark.parametrize("seed", range(4))
async def test_the_first_end_in_topic_order_stays_through_rewinds(database: str, seed: int) -> None:
    """Sinks own partitions and are thrown back at random: of contradicting ends the first in its partition stays."""
    random = Random(seed)  # noqa: S311 - repeatable on purpose
    deliveries = stories(random, Topics(), contradicting=True)
    truth = expected(deliveries)
    await prepare(database)
    ends = [delivery for delivery in deliveries if delivery.topic == POSTER_COMPLETIONS]
    others = [delivery for delivery in deliveries if delivery.topic != POSTER_COMPLETIONS]
    random.shuffle(others)
    shares: list[list[list[Delivery]]] = []
    for writer in range(WRITERS):
        # One sink may own the completions of a job while another owns its progress.
        own = [delivery for delivery in ends if delivery.partition == writer % PARTITIONS]
        mixed = _interleaved(random, own, others[writer::WRITERS])
        share, position = [], 0
        while position < len(mixed):
            share.append(mixed[position : position + 50])
            position += 50 if random.random() < 0.7 else -random.randint(0, min(position, 60))
        shares.append(share)
    sinks, ports = await write_all(database, shares)

    await check(database, truth, ports)
    assert sum(sink.counts.conflicts for sink in sinks) > 0


def _interleaved(random: Random, ordered: list[Delivery], shuffled: list[Delivery]) -> list[Delivery]:
    places = [0] * len(ordered) + [1] * len(shuffled)
    random.shuffle(places)
    sources = (iter(ordered), iter(shuffled))
    return [next(sources[place]) for place in places]
