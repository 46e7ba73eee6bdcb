"""Every role handles records in a child process as its worker would, on real servers."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import msgspec
import pytest

from posters.isolation import handle_in_child
from schemas import topics
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.output import DEFAULTS
from schemas.renders import PosterPinned
from schemas.requests import PosterRequested
from schemas.templates import TemplateUpload
from streams.crash_guard import Verdict
from streams.delivery import Delivery
from streams.topics import Role
from tests.flow.system import REPOSITORY, System, new_job, stamp

BUG = """
from agents.intake.request_handler import RequestHandler
def bug(*_):
    raise ValueError("a bug")
RequestHandler.handle = bug
"""


def delivered(topic: str, *events: Envelope) -> list[Delivery]:
    """Return records as a consumer would deliver them."""
    return [
        Delivery(
            topic=topic, partition=0, offset=5 + number, timestamp=datetime.now(UTC), key=b"k", value=encode(event)
        )
        for number, event in enumerate(events)
    ]


def request(job: str) -> PosterRequested:
    """Return a request for a poster of a template that does not exist."""
    return PosterRequested(**stamp(), job_id=job, template_id=str(UUID(int=1)))


def pinned(job: str) -> PosterPinned:
    """Return a poster of a template version that does not exist, on its last attempt."""
    return PosterPinned(
        **stamp(),
        job_id=job,
        poster_index=0,
        entity_id="e",
        template_version_id=UUID(int=1),
        section="s",
        template_version=1,
        output=DEFAULTS,
        requested_at=datetime.now(UTC),
        input_digest="0" * 64,
    )


@pytest.fixture
def environment(idle_system: System, monkeypatch: pytest.MonkeyPatch) -> System:
    """A system without a worker, whose settings are those of this process."""
    for name, value in idle_system.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    return idle_system


def records_of(system: System, topic: str, job: str) -> int:
    """Return how many records of a topic belong to a job."""
    return sum(record.body.get("job_id") == job for record in system.all(topic))


async def test_every_role_handles_its_records_in_a_child(environment: System) -> None:
    """The effects are durable when the child has ended: several requests, a row, a poster, a template."""
    first, second, recorded, drawn, waiting = (new_job() for _ in range(5))
    section = f"s{uuid4().hex[:12]}"
    upload = TemplateUpload(**stamp(), section=section, name=section, html_content="<p>x</p>")
    work: dict[Role, Sequence[Delivery]] = {
        "intake": delivered(topics.POSTER_REQUESTS, request(first), request(second)),
        "sink": delivered(topics.POSTER_REQUESTS, request(recorded)),
        "render": delivered(topics.POSTER_RENDERS, pinned(drawn)),
        "retry": delivered(topics.POSTER_RETRIES[0], pinned(waiting)),
        "templates": delivered(topics.TEMPLATE_COMMANDS, upload),
    }
    verdicts: dict[Role, Verdict] = {role: await handle_in_child(role, records) for role, records in work.items()}

    assert verdicts == dict.fromkeys(work, "finished")
    assert [environment.outcome(job).status for job in (first, second, drawn)] == ["failed"] * 3
    assert environment.rows("SELECT status FROM template_generation_jobs WHERE job_id = %s", recorded) == [
        {"status": "queued"}
    ]
    assert records_of(environment, topics.POSTER_RENDERS, waiting) == 1
    assert environment.rows("SELECT version FROM templates WHERE section = %s", section) == [{"version": 1}]


async def test_how_a_child_ends_says_whether_the_record_is_the_reason(
    environment: System, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A bug while a record is handled is a crash; a database or a browser that does not fit is none."""
    (tmp_path / "sitecustomize.py").write_text(BUG)
    records = delivered(topics.POSTER_REQUESTS, request(new_job()))
    with monkeypatch.context() as broken:
        broken.setenv("PYTHONPATH", f"{tmp_path}:{REPOSITORY}")
        crashed = await handle_in_child("intake", records)
    with monkeypatch.context() as broken:
        broken.setenv("POSTERS_DATABASE_URL", f"{environment.database_url}_of_nobody")
        mismatch = await handle_in_child("sink", records)
    with monkeypatch.context() as broken:
        broken.setenv("POSTERS_CHROMIUM", "/nowhere")
        browserless = await handle_in_child("render", delivered(topics.POSTER_RENDERS, pinned(new_job())))

    assert (crashed, mismatch, browserless) == ("crashed", "refused", "refused")


def test_records_reach_the_child_as_they_are() -> None:
    """Bytes, absent keys and values, repeated headers and times survive the way through the pipe."""
    record = Delivery(
        topic="t",
        partition=3,
        offset=2**40,
        timestamp=datetime(2026, 1, 1, microsecond=1, tzinfo=UTC),
        key=None,
        value=b"\xff\x00",
        headers=(("a", b"\xfe"), ("a", None)),
    )
    (read,) = msgspec.msgpack.decode(msgspec.msgpack.encode([record]), type=list[Delivery])

    assert repr(read) == repr(record)
