"""The flush and the janitor find their rows by index, however large the tables are."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from agents.postgres import Connection
from agents.sink.open_posters import SQL
from tests.sink.conftest import SinkHarness

# 10,000 jobs of two posters, ended, and 100 open ones; 30,000 log lines over three partitions.
FILL = """
    INSERT INTO template_generation_jobs (job_id, status, total_count, success_count, recorded_at, requested_at)
    SELECT 'old-' || i, 'completed', 2, 2, now(), now() FROM generate_series(1, 10000) AS i;
    INSERT INTO template_poster_results (job_id, poster_index, status, event_id, output_url, object_key, sha256)
    SELECT 'old-' || i, p, 'completed', gen_random_uuid(), 'u', 'k', 's'
    FROM generate_series(1, 10000) AS i, generate_series(0, 1) AS p;
    INSERT INTO template_generation_logs (event_id, job_id, level, code, message, created_at)
    SELECT gen_random_uuid(), 'old-' || i, CASE WHEN i % 100 = 0 THEN 'ERROR' ELSE 'INFO' END, 'c', 'm',
           now() - (d || ' days')::interval
    FROM generate_series(1, 10000) AS i, generate_series(0, 2) AS d;
    INSERT INTO template_generation_jobs (job_id, total_count, recorded_at, deadline)
    SELECT 'open-' || i, 2, now(), now() FROM generate_series(1, 100) AS i;
    INSERT INTO template_poster_results (job_id, poster_index, status, event_id)
    SELECT 'open-' || i, 0, 'queued', gen_random_uuid() FROM generate_series(1, 100) AS i;
    ANALYZE;
"""
SEQUENTIAL = """
    SELECT relname, seq_tup_read FROM pg_stat_user_tables
    WHERE relname LIKE 'template_%' AND seq_tup_read > 0 ORDER BY relname
"""


@pytest.fixture
async def large(harness: SinkHarness) -> AsyncIterator[Connection]:
    """A connection to the sink's database, filled."""
    connection = await asyncpg.connect(harness.url)
    await connection.execute(FILL)
    yield connection
    await connection.close()


async def test_a_flush_reads_no_table_from_end_to_end(harness: SinkHarness, large: Connection) -> None:
    """A batch of everything a sink writes, into large tables, reads by index alone."""
    topics = harness.topics
    await harness.sink.process([topics.request("warm-up")])
    await large.execute("SELECT pg_stat_force_next_flush(); SELECT pg_stat_reset();")
    jobs = [f"job-{number}" for number in range(50)]
    await harness.sink.process([topics.batch(job, 4) for job in jobs])
    await harness.sink.process([topics.processing(job, 1) for job in jobs] + [topics.completed("old-7", 0)])
    await harness.sink.process([topics.completed(job, 1) for job in jobs] + [topics.cancel("job-3")])
    await harness.sink.process([topics.log(job, line) for job in jobs for line in range(3)])
    await harness.database.fetch_value("SELECT pg_stat_force_next_flush()")
    await harness.database.fetch_value("SELECT 1")

    assert await large.fetch(SEQUENTIAL) == []
    assert await large.fetchval("SELECT sum(idx_scan) FROM pg_stat_user_tables WHERE relname LIKE 'template_%'") > 0


async def test_the_janitor_asks_by_index(harness: SinkHarness, large: Connection) -> None:
    """None of its questions reads a table from end to end."""
    questions: dict[str, tuple[object, ...]] = {
        "cancelled": ("", -1, ["open-1", "open-2"]),
        "replayed": (["open-1", "open-2"],),
        "incomplete": (datetime.min.replace(tzinfo=UTC, year=2), "", timedelta(hours=1), 10, 100_000),
        "abandoned": (datetime.min.replace(tzinfo=UTC, year=2), "", 10, 100_000),
        "missing": (["open-1", "open-2"], [0, 0], [2, 2], [1, 1], timedelta(hours=1)),
        "oversized": (timedelta(hours=1), 100_000),
        "close": (["open-1", "open-2"],),
        "expired": ("", -1),
        "stale": ("", -1, timedelta(days=1)),
    }
    assert questions.keys() == SQL.keys()
    for question, arguments in questions.items():
        rows = await harness.database.fetch_rows(f"EXPLAIN {SQL[question]}", *arguments)
        plan = "\n".join(row[0] for row in rows)

        assert "Index" in plan, question
        assert "Seq Scan" not in plan, question


async def test_what_was_never_sent_costs_nothing(harness: SinkHarness, large: Connection) -> None:
    """A step of the janitor reads as many rows for jobs that declare 100,000 posters as for those that declare ten."""
    read = []
    for total in (10, 100_000):
        await large.execute("UPDATE template_generation_jobs SET total_count = $1 WHERE job_id LIKE 'open-%'", total)
        await large.execute("VACUUM ANALYZE template_generation_jobs")
        arguments = (datetime.min.replace(tzinfo=UTC, year=2), "", timedelta(0), 1_000, 100_000)
        jobs = await large.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {SQL['incomplete']}", *arguments)
        names = [f"open-{number}" for number in range(1, 101)]
        few = ([0] * 100, [5] * 100, [5] * 100)
        missing = await large.fetch(f"EXPLAIN (ANALYZE, FORMAT JSON) {SQL['missing']}", names, *few, timedelta(0))
        read.append([_rows(orjson.loads(plan[0][0])[0]["Plan"]) for plan in (jobs, missing)])

    assert read[0] == read[1]


def _rows(plan: dict[str, Any]) -> float:
    """Return how many rows all steps of a plan returned."""
    return float(plan["Actual Rows"] * plan["Actual Loops"]) + sum(_rows(step) for step in plan.get("Plans", ()))


async def test_what_people_ask_for_first_is_answered_by_index(large: Connection) -> None:
    """The newest jobs, the newest errors, and the log of one job."""
    for query, index in {
        "SELECT job_id, status FROM template_generation_jobs ORDER BY created_at DESC LIMIT 20": "jobs_newest",
        "SELECT * FROM template_generation_logs WHERE level = 'ERROR' ORDER BY created_at DESC LIMIT 20": (
            "Index Scan using template_generation_logs_"
        ),
        "SELECT * FROM template_generation_logs WHERE job_id = 'old-5' ORDER BY created_at": "job_id_created_at",
    }.items():
        plan = "\n".join(row[0] for row in await large.fetch(f"EXPLAIN {query}"))

        assert index in plan, query
