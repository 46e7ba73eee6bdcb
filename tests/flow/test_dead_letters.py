"""Dead letters: replayed once, dropped, listed; a role that sets everything aside pauses."""

import contextlib
import fcntl
import os
import pty
import struct
import termios
from datetime import UTC, datetime
from uuid import uuid4

import orjson
import pytest

from schemas import topics
from schemas.codec import encode
from schemas.requests import PosterRequested
from streams.dead_letters import DeadLetterTopic
from streams.delivery import Delivery
from tests.flow.system import System, new_job, stamp
from tests.sink.ports import Announcements
from tests.streams.test_dead_letters import Claims

GOOD = "<p>{{ title }}</p>"


@pytest.fixture(scope="module")
def template(system: System) -> str:
    """A template, as `<section>_latest`."""
    return f"{system.upload(GOOD).section}_latest"


def set_aside(system: System, key: str, value: bytes) -> None:
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
    set_aside(system, job, encode(request))
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
    set_aside(system, key, b"{")

    dropped = system.command("dead-letters", "drop", "--where", f"key={key}", "--max", "1")
    listed = system.command("dead-letters", "list", "--where", f"key={key}")
    shown = system.command("dead-letters", "show", "--where", f"key={key}")

    assert dropped.stdout.startswith("dropped 1,"), dropped.stderr
    assert "0 of 0" in listed.stdout
    assert "error: an older build could not read this" in shown.stdout


def test_a_narrow_terminal_shows_the_whole_key(system: System) -> None:
    """On a terminal of 40 columns key, topic and role are complete, so that they can be copied into `--where`."""
    key = f"job_{uuid4().hex}_{uuid4().hex}"
    set_aside(system, key, b"{")

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


def test_too_many_dead_letters_pause_intake_until_it_is_resumed(system: System, template: str) -> None:
    """30 bad requests make 20 dead letters; a good one waits with the rest, and all are processed after `resume`."""
    mark = uuid4().hex
    for number in range(30):
        system.send(topics.POSTER_REQUESTS, f"bad-{mark}-{number}", b"{")
    system.eventually(lambda: system.rows("SELECT FROM blown_fuses WHERE role = 'intake'"))
    # The twentieth bad record reaches the limit; it and those before it are in flight by then.
    system.eventually(lambda: letters(system, mark) >= 20)
    readiness = system.status("/ready")
    job = system.request(template, {"title": "patient"})
    recorded = system.eventually(
        lambda: system.rows("SELECT status FROM template_poster_results WHERE job_id = %s", job)
    )
    while_paused = letters(system, mark)
    resumed = system.command("dead-letters", "resume", "--where", "role=intake")
    # The ten that waited are not twenty in a row.
    outcome = system.outcome(job)
    system.eventually(lambda: letters(system, mark) == 30)

    assert while_paused == 20
    assert recorded == [{"status": "queued"}]
    assert readiness[0] == 503
    assert "20 records in a row are dead letters" in readiness[1]
    assert resumed.stdout == "resumed intake\n", resumed.stderr
    assert outcome.status == "completed"


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
