"""Records as other clients write them: every compression codec, and headers without a value."""

from typing import Final

import pytest
from confluent_kafka import Producer

from schemas import topics
from schemas.codec import encode
from schemas.requests import PosterRequested
from schemas.templates import TemplateUpload
from streams.delivery import Headers, Record
from tests.flow.system import System, new_job, stamp

CODECS: Final = ("none", "gzip", "snappy", "lz4", "zstd")
NULL_HEADERS: Final[Headers] = (("traceparent", None), ("replay.generation", None), ("dlq.reason", None), ("", None))


def request(template: str, job_id: str, title: str) -> Record:
    """Return the record of a request that asks for one poster."""
    event = PosterRequested(**stamp(), job_id=job_id, template_id=template, custom_data={"title": title})
    return Record(topic=topics.POSTER_REQUESTS, key=job_id, value=encode(event))


def upload(section: str) -> Record:
    """Return the record of an upload, long enough that every client compresses it."""
    html = "<p>{{ title }}</p>" + "<!-- long enough to be worth compressing -->" * 50
    event = TemplateUpload(**stamp(), section=section, name=section, html_content=html, set_as_active=True)
    return Record(topic=topics.TEMPLATE_COMMANDS, key=section, value=encode(event))


def produce(system: System, codec: str, record: Record, headers: Headers) -> None:
    """Publish a record from a producer with this `compression.type`."""
    producer = Producer({"bootstrap.servers": system.brokers, "compression.type": codec})
    producer.produce(record.topic, key=record.key, value=record.value, headers=list(headers))
    assert producer.flush(10) == 0


@pytest.mark.parametrize("codec", CODECS)
def test_every_codec_is_read_by_every_role(system: System, codec: str) -> None:
    """A template and a request from a producer with any codec lead to a poster and to its row."""
    section, job = f"codec-{codec}", new_job()

    produce(system, codec, upload(section), ())
    system.wait(topics.TEMPLATE_EVENTS, lambda record: record.body["section"] == section)
    produce(system, codec, request(f"{section}_latest", job, codec * 1_000), ())

    assert system.outcome(job).status == "completed"
    assert system.eventually(
        lambda: system.rows("SELECT 1 FROM template_generation_jobs WHERE job_id = %s AND status = 'completed'", job)
    )


def test_null_headers_are_ignored_by_every_role(system: System) -> None:
    """Headers without a value, including those that we read, do not change the meaning of a record."""
    section, job = "null-headers", new_job()

    produce(system, "none", upload(section), NULL_HEADERS)
    system.wait(topics.TEMPLATE_EVENTS, lambda record: record.body["section"] == section)
    produce(system, "none", request(f"{section}_latest", job, "no headers"), NULL_HEADERS)
    outcome = system.wait(topics.POSTER_COMPLETIONS, lambda record: record.key == job.encode())
    system.produce(Record(topic=topics.POSTER_COMPLETIONS, key=job, value=outcome.value, headers=NULL_HEADERS))

    assert outcome.body["status"] == "completed"
    assert outcome.body["generation"] == 0
    system.eventually(system.sink_is_idle)


def test_a_dead_letter_with_null_headers_is_shown(system: System) -> None:
    """Null headers, and headers named like ours that are not UTF-8, do not hide a broken record from operators."""
    key = f"null-{new_job()}"
    record = Record(topic=topics.POSTER_REQUESTS, key=key, value=b"{")
    produce(system, "none", record, (*NULL_HEADERS, ("dlq.note", b"\xff")))
    system.wait(topics.DEAD_LETTERS, lambda record: record.key == key.encode())

    listed = system.command("dead-letters", "list", "--where", f"key={key}")

    assert listed.returncode == 0, listed.stderr
    assert "1 of 1" in listed.stdout
