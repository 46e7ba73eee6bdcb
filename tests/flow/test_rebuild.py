"""The tables follow from the topics: rebuilt, they are equal to the recorded ones."""

from datetime import UTC, datetime, timedelta

from schemas import topics
from schemas.codec import encode
from schemas.requests import JobCancelRequested, JobReplayRequested, PosterEraseRequested, PosterRequested
from streams.delivery import Record
from streams.replay import GENERATION
from tests.flow.system import System, new_job, stamp


def test_rebuilt_tables_equal_the_recorded_ones_and_can_replace_them(idle_system: System) -> None:
    """After requests that ended in every way nothing differs; a damaged table is detected and repaired."""
    system = idle_system
    system.environment["POSTERS_REPLAY_HEADER"] = "refuse"
    system.start_worker()
    template = f"{system.upload('<p>{{ title }}</p>').section}_latest"
    jobs = [system.request(template, {"title": f"poster {number}"}) for number in range(5)]
    jobs.append(system.request(template, {}))
    jobs.append(system.request(template, {"title": "late"}, deadline=datetime.now(UTC) - timedelta(hours=1)))
    cancelled = new_job()
    system.send(topics.POSTER_REQUESTS, cancelled, JobCancelRequested(**stamp(), job_id=cancelled))
    jobs.append(system.request(template, {"title": "never"}, job_id=cancelled))
    erased_early = new_job()
    system.send(topics.POSTER_REQUESTS, erased_early, PosterEraseRequested(**stamp(), job_id=erased_early))
    jobs.append(system.request(template, {"title": "Jane"}, job_id=erased_early))
    system.send(topics.POSTER_REQUESTS, "bad", b"{")
    for job in jobs:
        system.eventually(
            lambda job=job: system.rows(  # type: ignore[misc]
                "SELECT FROM template_generation_jobs WHERE job_id = %s AND finished_at IS NOT NULL", job
            )
        )
    refused = PosterRequested(**stamp(), job_id=jobs[3], template_id=template, custom_data={"title": "again"})
    header = ((GENERATION, b"1"),)
    system.produce(Record(topic=topics.POSTER_REQUESTS, key=jobs[3], value=encode(refused), headers=header))
    system.send(topics.POSTER_REQUESTS, jobs[4], JobReplayRequested(**stamp(), job_id=jobs[4]))
    system.send(topics.POSTER_REQUESTS, jobs[5], PosterEraseRequested(**stamp(), job_id=jobs[5]))
    marked = "SELECT FROM template_poster_results WHERE job_id = ANY(%s) AND (erased_at IS NOT NULL OR generation = 1)"
    system.eventually(lambda: len(system.rows(f"{marked} AND status_rank = 2", [*jobs[4:6], erased_early])) == 3)
    # A stopped worker leaves unread records to the next one.
    system.eventually(system.sink_is_idle)
    assert system.stop_worker() == 0

    erased = "UPDATE template_poster_results SET custom_data = '{}', erased_at = now() WHERE job_id = %s RETURNING 1"
    system.rows(erased, jobs[2])
    system.rows("UPDATE template_generation_jobs SET input_data = '{}' WHERE job_id = %s RETURNING 1", jobs[2])
    same = system.command("rebuild")
    system.rows("UPDATE template_poster_results SET output_url = 'wrong' WHERE job_id = %s RETURNING 1", jobs[0])
    system.rows("DELETE FROM template_generation_jobs WHERE job_id = ANY(%s) RETURNING 1", [jobs[1], erased_early])
    broken = system.command("rebuild")
    replaced = system.command("rebuild", "--replace")
    again = system.command("rebuild")

    assert "say the same" in same.stdout, same.stdout + same.stderr
    assert same.stdout.startswith(f"{len(jobs)} jobs, {len(jobs)} posters")
    assert broken.returncode == 1
    assert f"different: {jobs[0]}" in broken.stdout
    assert f"different: {jobs[1]}" in broken.stdout
    assert f"replaced {len(jobs)} jobs" in replaced.stdout, replaced.stderr
    assert system.rows("SELECT FROM template_poster_results WHERE output_url = 'wrong'") == []
    assert len(system.rows("SELECT FROM template_generation_jobs WHERE job_id = ANY(%s)", jobs)) == len(jobs)
    gone = "custom_data = '{}' AND input_data = '{}' AND erased_at IS NOT NULL AND job_id = %s"
    both = "template_poster_results JOIN template_generation_jobs USING (job_id)"
    assert system.rows(f"SELECT FROM {both} WHERE {gone}", jobs[2])
    assert system.rows(f"SELECT FROM {both} WHERE {gone}", erased_early), "its row was lost, its erasure is not"
    # The audit line of the replacement is on its topic and in no table: no sink is running.
    assert [line for line in again.stdout.splitlines() if line.startswith("different")] == ["different: rebuild"]
