"""Dead letters: replayed once, dropped, listed; a role that sets everything aside pauses."""

import contextlib
import fcntl
import os
import pty
import struct
import termios
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import orjson
import pytest
from msgspec import Raw

from schemas import topics
from schemas.codec import encode
from schemas.requests import BatchRequested, PosterRequested
from streams.dead_letters.dead_letters import DeadLetterTopic
from streams.delivery import Delivery, Record
from streams.replay import GENERATION
from tests.flow.system import System, new_job, stamp
from tests.flow.test_asked_again import endings
from tests.sink.ports import Announcements
from tests.streams.test_dead_letters import Claims

GOOD = "<p>{{ title }}</p>"


@pytest.fixture(scope="module")
def template(system: System) -> str:
    """A template, as `<section>_latest`."""
    return f"{system.upload(GOOD).section}_latest"


def dead_letter(system: System, key: str, value: bytes) -> None:
    """Produce a dead letter as intake does."""
    delivery = Delivery(
        topic=topics.POSTER_REQUESTS,
        partition=0,
        offset=10**9 + uuid4().int % 10**6,
        timestamp=datetime.now(UTC),
        key=key.encode(),
        value=value,
    )
    letters = DeadLetterTopic("intake", Announcements(), Claims(), lambda: datetime.now(UTC))
    record = letters.record(delivery, "invalid_request", "an older build could not read this")
    system.produce(record)


def test_a_replayed_request_is_made_once(system: System, template: str) -> None:
    """After the replay the poster is there in a new generation; a second replay of the same selection sends nothing."""
    job = new_job()
    request = PosterRequested(**stamp(), job_id=job, template_id=template, custom_data={"title": "back again"})
    dead_letter(system, job, encode(request))
    selection = ("--where", f"key={job}", "--max", "10")

    listed = system.command("dead-letters", "list", "--where", f"key={job}")
    first = system.command("dead-letters", "replay", *selection)
    second = system.command("dead-letters", "replay", *selection)
    outcome = system.outcome(job)
    log = system.eventually(
        lambda: system.rows(
            "SELECT code, details FROM template_generation_logs "
            "WHERE job_id = 'dead-letters' AND details->'where' ? %s",
            f"key={job}",
        )
    )

    assert "1 of 1" in listed.stdout, listed.stderr
    assert first.stdout.startswith("replayed 1,"), first.stderr
    assert second.stdout.startswith("replayed 0,"), second.stderr
    assert (outcome.status, outcome.generation) == ("completed", 1)
    assert [(row["code"], row["details"]["count"]) for row in log] == [("dead_letters_replayed", 1)]
    assert "@" in log[0]["details"]["by"]


def test_a_dropped_letter_is_not_replayed(system: System) -> None:
    """A dropped letter is neither listed nor replayed, and can still be shown."""
    key = f"dropped-{uuid4().hex}"
    dead_letter(system, key, b"{")

    dropped = system.command("dead-letters", "drop", "--where", f"key={key}", "--max", "1")
    listed = system.command("dead-letters", "list", "--where", f"key={key}")
    shown = system.command("dead-letters", "show", "--where", f"key={key}")

    assert dropped.stdout.startswith("dropped 1,"), dropped.stderr
    assert "0 of 0" in listed.stdout
    assert "error: an older build could not read this" in shown.stdout


def test_a_narrow_terminal_shows_the_whole_key(system: System) -> None:
    """On a terminal of 40 columns key, topic and role are complete, so that they can be copied into `--where`."""
    key = f"job_{uuid4().hex}_{uuid4().hex}"
    dead_letter(system, key, b"{")

    shown = on_a_terminal(system, 40, "dead-letters", "list", "--where", f"key={key}")

    assert key in shown
    assert "intake" in shown
    assert topics.POSTER_REQUESTS in shown
    assert "…" not in shown
    assert "error" in shown.splitlines()[0]


def on_a_terminal(system: System, columns: int, *arguments: str) -> str:
    """Run a command whose standard output is a terminal of this width, and return what it wrote there."""
    reader, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    try:
        system.command(*arguments, stdout=terminal)
    finally:
        os.close(terminal)
    written = b""
    with contextlib.suppress(OSError):  # the end of a terminal that nobody holds any more
        while content := os.read(reader, 65_536):
            written += content
    os.close(reader)
    return written.decode()


def test_replaying_a_job_makes_its_failed_posters_again(system: System) -> None:
    """Only the failed posters get a new generation; counts stay right; asking again while they run does nothing."""
    section = system.upload("<p>{{ title }}</p>").section
    job = new_job()
    posters = [{"custom_data": {"title": "a"}}, {"custom_data": {}}, {"custom_data": {"title": "c"}}]
    envelope = {name: str(value) for name, value in stamp().items()} | {"type": "batch.requested", "version": 1}
    envelope["occurred_at"] = datetime.now(UTC).isoformat()
    batch = envelope | {"job_id": job, "template_id": f"{section}_latest", "posters": posters}
    system.send(topics.POSTER_REQUESTS, job, orjson.dumps(batch))
    ended(system, job)

    replayed = system.command("replay", job, "--failed")
    rows = system.eventually(
        lambda: system.rows(
            "SELECT poster_index, generation, status FROM template_poster_results r WHERE job_id = %s "
            "AND EXISTS (SELECT FROM template_poster_results s WHERE s.job_id = r.job_id AND s.generation = 1 "
            "AND s.status = 'failed') ORDER BY 1",
            job,
        )
    )
    counts = ended(system, job)
    whole = system.command("replay", job)
    system.eventually(lambda: all_generations(system, job) == [1, 2, 1])
    ended(system, job)

    assert replayed.stdout == "replayed 1 posters\n", replayed.stderr
    assert [tuple(row.values()) for row in rows] == [(0, 0, "completed"), (1, 1, "failed"), (2, 0, "completed")]
    assert (counts["success_count"], counts["failure_count"]) == (2, 1)
    assert whole.stdout == "replayed 3 posters\n", whole.stderr


def test_a_working_worker_is_ready_and_shows_what_it_did(system: System, template: str) -> None:
    """`/ready` answers 200; the metrics count the outcome, and their number stays small."""
    system.outcome(system.request(template, {"title": "counted"}))
    wanted = {"poster_build_info", "poster_outcomes_total", "poster_consumer_lag_messages"}
    system.eventually(lambda: wanted <= {line.split("{")[0].split(" ")[0] for line in metrics(system)})
    system.eventually(lambda: system.status("/ready") == (200, "ready"))

    assert len(metrics(system)) < 500
    assert any(line.startswith("poster_sink_flush_seconds_count") for line in metrics(system))


def send_bad(system: System, mark: str, count: int, sources: int) -> None:
    """Send requests that intake cannot use, in the names of some sites."""
    for number in range(count):
        value = orjson.dumps({"source": f"site-{number % sources}", "version": 2, "type": "poster.requested"})
        system.send(topics.POSTER_REQUESTS, f"{mark}-{number}", value)


def is_paused(system: System) -> bool:
    """Say whether intake is stored as paused."""
    return bool(system.rows("SELECT FROM blown_fuses WHERE role = 'intake' AND build <> ''"))


def start_afresh(system: System) -> None:
    """Have a worker that has counted no dead letter yet, and that gets none of the tests before."""
    system.eventually(lambda: system.is_idle("intake"))
    system.stop_worker()
    system.start_worker()


def test_one_producer_of_bad_records_pauses_nobody(system: System, template: str) -> None:
    """300 empty objects, and one of a site's own: each is a dead letter, and the good request behind them is made."""
    start_afresh(system)
    mark = uuid4().hex
    for number in range(300):
        system.send(topics.POSTER_REQUESTS, f"bad-{mark}-{number}", b"{}")
    job = system.request(template, {"title": "behind them"})
    outcome = system.outcome(job)
    system.eventually(lambda: letters(system, mark) == 300)
    suppressed = 'poster_dlq_suppressed_total{role="intake"} 280.0'
    system.eventually(lambda: suppressed in metrics(system))

    assert outcome.status == "completed"
    assert not is_paused(system)


def test_intake_pauses_where_everything_fails_until_somebody_resumes_it(system: System) -> None:
    """A build that can read nothing of several sites: readiness says so, and bad records wait until `resume`."""
    start_afresh(system)
    mark = uuid4().hex
    send_bad(system, f"first-{mark}", 150, sources=10)
    system.eventually(lambda: is_paused(system))
    system.eventually(lambda: letters(system, mark) >= 100)
    readiness = system.status("/ready")
    listed = system.command("dead-letters", "list", "--max", "1")
    send_bad(system, f"then-{mark}", 5, sources=5)
    while_paused = letters(system, f"then-{mark}")
    resumed = system.command("dead-letters", "resume", "--where", "role=intake")
    system.eventually(lambda: letters(system, mark) == 155)

    assert readiness[0] == 503
    assert "records in a row, of 10 sources, are dead letters" in readiness[1]
    assert "intake is paused" in listed.stdout
    assert while_paused <= 1
    assert resumed.stdout == "resumed intake\n", resumed.stderr


def test_a_paused_intake_reopens_by_itself(system: System, template: str) -> None:
    """A good request is tried, and made; the pause is over for every process, and in what operators see."""
    start_afresh(system)
    send_bad(system, f"again-{uuid4().hex}", 150, sources=10)
    system.eventually(lambda: is_paused(system))
    outcome = system.outcome(system.request(template, {"title": "a good one"}))
    system.eventually(lambda: not is_paused(system))
    listed = system.command("dead-letters", "list", "--max", "1")
    resumed = system.command("dead-letters", "resume")

    assert outcome.status == "completed"
    assert "paused" not in listed.stdout
    assert resumed.stdout == "no role was paused\n", resumed.stderr


def metrics(system: System) -> list[str]:
    """Return the lines of the worker's metrics that hold a value."""
    return [line for line in system.status("/metrics")[1].splitlines() if line and not line.startswith("#")]


def letters(system: System, mark: str) -> int:
    """Return how many dead letters have a key with this mark."""
    return sum(mark.encode() in (record.key or b"") for record in system.all(topics.DEAD_LETTERS))


def ended(system: System, job: str) -> dict[str, object]:
    """Return the job's row once every poster of it has ended."""
    return system.eventually(
        lambda: system.rows(
            "SELECT * FROM template_generation_jobs WHERE job_id = %s AND status IN ('completed', 'failed')", job
        )
    )[0]


def all_generations(system: System, job: str) -> list[int]:
    """Return the generations of a job's posters, in their order."""
    rows = system.rows("SELECT generation FROM template_poster_results WHERE job_id = %s ORDER BY poster_index", job)
    return [row["generation"] for row in rows]


def test_a_part_is_replayed_in_the_generation_of_its_own_posters(system: System, template: str) -> None:
    """Others of its job may have been made again more often: only the generation after the recorded one counts."""
    job = new_job()
    fields: dict[str, Any] = {**stamp(), "job_id": job, "template_id": template, "total_count": 2, "parts": 2}
    parts = [
        encode(BatchRequested(**fields, posters=[Raw(b"{}")], part=number + 1, first_index=number))
        for number in range(2)
    ]
    for generation in range(3):
        for part in parts if generation == 0 else parts[:1]:
            headers = ((GENERATION, str(generation).encode()),)
            system.produce(Record(topic=topics.POSTER_REQUESTS, key=job, value=part, headers=headers))
        system.eventually(lambda: len(endings(system, job)) == generation + 2)  # noqa: B023
        system.eventually(system.sink_is_idle)
    dead_letter(system, job, parts[1])

    system.command("dead-letters", "replay", "--where", f"key={job}", "--max", "1")

    assert system.eventually(lambda: (1, 1, "failed") in endings(system, job))


def test_any_key_can_be_replayed(system: System) -> None:
    """One that no database can store is no job, and keeps no other letter from its topic."""
    reason = f"odd_{uuid4().hex[:8]}"
    letters = DeadLetterTopic("intake", Announcements(), Claims(), lambda: datetime.now(UTC))
    for key in (b"\0", b"\xff", b"x" * 100):
        offset = 10**9 + uuid4().int % 10**6
        delivery = Delivery(
            topic=topics.POSTER_REQUESTS, partition=0, offset=offset, timestamp=datetime.now(UTC), key=key, value=b"{"
        )
        system.produce(letters.record(delivery, reason, "not a request"))

    done = system.command("dead-letters", "replay", "--where", f"reason={reason}", "--max", "10")

    assert done.stdout.startswith("replayed 3,"), done.stderr
