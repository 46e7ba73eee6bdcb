"""Two sites on one cluster, one of them hostile: nothing of the other's is changed, ended or delayed."""

from typing import Any
from uuid import uuid4

import orjson
from msgspec import Raw

from schemas import topics
from schemas.codec import encode
from schemas.requests import (
    BatchRequested,
    JobCancelRequested,
    JobReplayRequested,
    PosterEraseRequested,
    PosterRequested,
)
from schemas.templates import TemplateActivate, TemplateArchive, TemplateUpload
from streams.delivery import Record
from streams.replay import GENERATION
from tests.flow.system import System, new_job, stamp

HTML = "<p>{{ title }}</p>"
LAST_GENERATION = (GENERATION, str(2**31 - 1).encode())


def evil(source: str | None = "evil") -> dict[str, Any]:
    """Return the envelope of an event of the hostile site."""
    return {**stamp(), "source": source}


def attacks_on_job(job: str, section: str, source: str | None) -> list[Record]:
    """Return everything that a site may send about a job, under keys that reach other partitions."""
    request: dict[str, Any] = {"job_id": job, "template_id": f"{section}_latest", "custom_data": {"title": "evil"}}
    events = [
        PosterRequested(**evil(source), **request),
        PosterRequested(**evil(source), **{**request, "template_id": "nothing_latest"}),
        BatchRequested(
            **evil(source),
            job_id=job,
            template_id=f"{section}_latest",
            posters=[Raw(b'{"custom_data":{"title":"evil"}}')],
            part=2,
            parts=9,
            first_index=1,
            total_count=4000,
        ),
        JobCancelRequested(**evil(source), job_id=job),
        JobReplayRequested(**evil(source), job_id=job),
        PosterEraseRequested(**evil(source), job_id=job),
    ]
    named = b"" if source is None else b'"source":"%b",' % source.encode()
    broken = b'{"type":"poster.requested","version":1,%b"job_id":"%b","template_id":5}' % (named, job.encode())
    bodies = [*(encode(event) for event in events), broken]
    return [
        Record(topic=topics.POSTER_REQUESTS, key=f"{job}-{number}", value=body, headers=headers)
        for number, body in enumerate(bodies)
        for headers in ((), (LAST_GENERATION,))
    ]


def attack(system: System, job: str, section: str) -> int:
    """Send all of it, and wait until each record is a dead letter; return how many there are."""
    records = [record for source in ("evil", None) for record in attacks_on_job(job, section, source)]
    for record in records:
        system.produce(record)
    keys = {str(record.key).encode() for record in records}
    system.eventually(
        lambda: sum(letter.key in keys for letter in system.all(topics.DEAD_LETTERS)) >= len(records) or None
    )
    return len(records)


def test_a_hostile_site_ends_and_changes_nothing_of_another(system: System) -> None:
    """Requests, cancels, erasures and replays of a job, unreadable ones too, before and after it is made."""
    section = system.upload(HTML).section
    job = system.request(f"{section}_latest", {"title": "mine"}, entity_id="row")
    # The requests of two sources are on different partitions, so that only the claim says which one came first.
    system.eventually(lambda: system.rows("SELECT FROM job_owners WHERE job_id = %s AND claimed_at IS NOT NULL", job))
    sent = attack(system, job, section)
    outcome = system.outcome(job)
    sent += attack(system, job, section)
    system.send(topics.POSTER_REQUESTS, "row", PosterEraseRequested(**evil(), section=section, entity_id="row"))
    answer = system.wait(
        topics.POSTER_COMPLETIONS,
        lambda record: record.body["type"] == "poster.erased" and record.body["source"] == "evil",
    )
    system.eventually(system.sink_is_idle)
    letters = [letter for letter in system.all(topics.DEAD_LETTERS) if (letter.key or b"").startswith(job.encode())]
    published = [record.body for record in system.all(topics.POSTER_COMPLETIONS) if record.body["job_id"] == job]
    (row,) = system.rows(
        "SELECT r.status, r.generation, r.source, r.erased_at, r.custom_data, j.total_count, j.cancelled_up_to "
        "FROM template_poster_results r JOIN template_generation_jobs j USING (job_id) WHERE job_id = %s",
        job,
    )
    _, metrics = system.status("/metrics")

    assert outcome.status == "completed"
    assert [(event["type"], event["source"]) for event in published] == [("poster.completed", "tests")]
    assert row == {
        "status": "completed",
        "generation": 0,
        "source": "tests",
        "erased_at": None,
        "custom_data": {"title": "mine"},
        "total_count": 1,
        "cancelled_up_to": None,
    }
    assert system.stored(outcome.object_key or "")["Body"]
    assert answer.body["job_id"] != job
    assert len(letters) == sent
    assert {dict(letter.headers)["dlq.reason"] for letter in letters} == {b"source_mismatch"}
    assert 'poster_source_mismatch_total{command="cancel"}' in metrics


def test_a_guessed_job_is_not_cancelled_before_it_is_asked_for(system: System) -> None:
    """Nor erased: only a command of the source that requests it then is in force."""
    section = system.upload(HTML).section
    guessed = new_job()
    for event in (JobCancelRequested(**evil(), job_id=guessed), PosterEraseRequested(**evil(), job_id=guessed)):
        system.send(topics.POSTER_REQUESTS, uuid4().hex, event)
    system.eventually(
        lambda: system.rows("SELECT FROM early_commands WHERE job_id = %s AND erased_at > '-infinity'", guessed)
    )
    system.request(f"{section}_latest", {"title": "mine"}, job_id=guessed)

    def is_outcome(record: Any) -> bool:
        return bool(record.key == guessed.encode() and record.body["source"] == "tests")

    assert system.wait(topics.POSTER_COMPLETIONS, is_outcome).body["type"] == "poster.completed"


def test_a_section_is_commanded_by_its_owner(system: System) -> None:
    """An upload, an activation and an archiving by another site are refused, and its requests are served."""
    uploaded = system.upload(HTML)
    section, version = uploaded.section, f"{uploaded.section}@1"
    commands = [
        TemplateUpload(**evil(), section=section, name="x", html_content="<p>evil</p>", set_as_active=True),
        TemplateActivate(**evil(), section=section, template_id=version),
        TemplateArchive(**evil(None), section=section, template_id=version),
    ]
    answers = [system.answer(command).body for command in commands]
    event = PosterRequested(**evil(), job_id=new_job(), template_id=f"{section}_latest", custom_data={"title": "x"})
    system.send(topics.POSTER_REQUESTS, event.job_id, event)

    assert [(answer["type"], answer["errors"][0]["code"]) for answer in answers] == [
        ("template.rejected", "source_mismatch")
    ] * 3
    assert system.outcome(event.job_id).status == "completed"


def test_sections_are_handed_over_by_an_operator(system: System) -> None:
    """`posters templates own` makes a section another source's, and a private one is then open again."""
    uploaded = system.upload(HTML, private=True)
    section = uploaded.section
    event = PosterRequested(**evil(), job_id=new_job(), template_id=f"{section}_latest", custom_data={"title": "x"})
    system.send(topics.POSTER_REQUESTS, event.job_id, event)
    hidden = system.outcome(event.job_id)
    done = system.command("templates", "own", section, "evil")
    missing = system.command("templates", "own", "nothing", "evil")
    accepted = system.answer(TemplateUpload(**evil(), section=section, name="x", html_content="<p>new</p>")).body
    refused = system.answer(TemplateUpload(**stamp(), section=section, name="x", html_content="<p>other</p>")).body

    assert (hidden.status, hidden.error.code if hidden.error else None) == ("failed", "template_not_found")
    assert (done.returncode, missing.returncode) == (0, 1)
    assert (accepted["type"], accepted["owner"], accepted["private"]) == ("template.uploaded", "evil", False)
    assert refused["errors"][0]["code"] == "source_mismatch"


def test_a_site_replays_its_job_by_an_event(system: System) -> None:
    """The poster is made again in the next generation, on the topic of replays, with the same version and data."""
    section = system.upload(HTML).section
    job = system.request(f"{section}_latest", {"title": "mine"}, entity_id="row")
    first = system.outcome(job)
    system.eventually(
        lambda: system.rows("SELECT FROM template_poster_results WHERE job_id = %s AND status = 'completed'", job)
    )
    system.send(topics.POSTER_REQUESTS, job, JobReplayRequested(**stamp(), job_id=job))
    again = system.wait(
        topics.POSTER_COMPLETIONS, lambda record: record.key == job.encode() and record.body["generation"] == 1
    )
    replays = [orjson.loads(record.value or b"") for record in system.all(topics.POSTER_REPLAYS)]

    assert again.body["type"] == "poster.completed"
    assert again.body["object_key"] == first.object_key
    assert [replay["source"] for replay in replays if replay["job_id"] == job] == ["tests"]


def test_an_erased_job_is_not_made_again_by_a_worker_that_starts_later(system: System) -> None:
    """Also where the topic of cancellations has forgotten it: a tombstone in the tables has not."""
    section = system.upload(HTML).section
    job = system.request(f"{section}_latest", {"title": "Jane"}, entity_id="row")
    system.outcome(job)
    system.send(topics.POSTER_REQUESTS, job, PosterEraseRequested(**stamp(), job_id=job))
    system.wait(
        topics.POSTER_COMPLETIONS, lambda record: record.key == job.encode() and record.body["type"] == "poster.erased"
    )
    system.send(topics.JOB_CANCELLATIONS, job, None)
    system.stop_worker()
    system.start_worker()
    system.request(f"{section}_latest", {"title": "Jane"}, job_id=job, entity_id="row")
    later = system.request(f"{section}_latest", {"title": "John"}, entity_id="other")
    system.outcome(later)
    system.eventually(system.sink_is_idle)
    pinned = [record for record in system.all(topics.POSTER_RENDERS) if record.body["job_id"] == job]
    data = system.rows("SELECT custom_data FROM template_poster_results WHERE job_id = %s", job)

    assert len(pinned) == 1
    assert data == [{"custom_data": {}}]
