"""Records as other clients write them: any codec, headers of any name and value, transactions that were aborted."""

from typing import Final

import pytest
from confluent_kafka import Producer

from schemas import topics
from schemas.codec import encode
from schemas.requests import PosterRequested
from schemas.templates import TemplateUpload
from streams.delivery import Headers, Record
from tests.flow.system import System, new_job, stamp
from tests.streams.raw_batches import produce_raw, raw_batch, raw_record

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


ODD_HEADERS: Final = [(b"\xff\xfe", b"1"), (b"", None), (b"traceparent", b"\xff"), *[(b"x", b"y")] * 5_000]


def send_odd(system: System, record: Record, *, key: bytes | None) -> None:
    """Publish a record with headers that no client library writes, twice: the header names, and thousands of them."""
    raw = raw_record(key, record.value, ODD_HEADERS)
    produce_raw(system.brokers, record.topic, raw_batch([raw]))


def test_header_names_that_are_not_utf8_end_no_role(system: System) -> None:
    """A template, a request, a completion and records of every other topic with such headers: all is carried out."""
    section, job = "odd-headers", new_job()

    send_odd(system, upload(section), key=None)
    system.wait(topics.TEMPLATE_EVENTS, lambda seen: seen.body["section"] == section)
    send_odd(system, request(f"{section}_latest", job, "odd headers"), key=b"\xff")
    outcome = system.wait(topics.POSTER_COMPLETIONS, lambda seen: (seen.value or b"").find(job.encode()) > 0)
    for topic in (*topics.POSTER_RETRIES, topics.POSTER_RENDERS, topics.POSTER_PROGRESS, topics.POSTER_LOGS):
        send_odd(system, Record(topic=topic, key=None, value=b"{"), key=b"\xff")
    for topic in (topics.POSTER_COMPLETIONS, topics.JOB_CANCELLATIONS, topics.TEMPLATE_CATALOG):
        send_odd(system, Record(topic=topic, key=None, value=outcome.value), key=b"\xff")
    after = new_job()
    system.produce(request(f"{section}_latest", after, "after them"))

    assert outcome.body["status"] == "completed"
    assert system.outcome(after).status == "completed"
    system.eventually(lambda: system.sink_is_idle() or None)


def test_odd_dead_letters_are_listed_and_others_beside_them(system: System) -> None:
    """Dead letters of such records, and such records on the topic of dead letters itself, are no obstacle."""
    key = f"odd-{new_job()}"
    send_odd(system, Record(topic=topics.POSTER_REQUESTS, key=None, value=b"{"), key=key.encode())
    system.wait(topics.DEAD_LETTERS, lambda seen: seen.key == key.encode())
    send_odd(system, Record(topic=topics.DEAD_LETTERS, key=None, value=b"{"), key=key.encode())

    listed = system.command("dead-letters", "list", "--where", f"key={key}")
    shown = system.command("dead-letters", "show", "--where", f"key={key}")

    assert "1 of 1" in listed.stdout, listed.stderr
    assert "header \\xff\\xfe: b'1'" in shown.stdout, shown.stderr


def test_an_aborted_request_is_nobodys(system: System) -> None:
    """Requests of a transaction that was aborted leave no trace; what comes behind it is made and acknowledged."""
    section, aborted, after = "aborted", new_job(), new_job()
    produce(system, "none", upload(section), ())
    system.wait(topics.TEMPLATE_EVENTS, lambda seen: seen.body["section"] == section)
    producer = Producer({"bootstrap.servers": system.brokers, "transactional.id": "aborted"})
    producer.init_transactions(60)
    producer.begin_transaction()
    record = request(f"{section}_latest", aborted, "never")
    producer.produce(record.topic, key=b"one partition", value=record.value)
    producer.flush(30)
    producer.abort_transaction(60)

    committed = request(f"{section}_latest", after, "after it")
    system.produce(Record(topic=committed.topic, key=b"one partition", value=committed.value))

    system.wait(topics.POSTER_COMPLETIONS, lambda seen: (seen.value or b"").find(after.encode()) > 0)
    system.eventually(lambda: system.rows("SELECT FROM template_generation_jobs WHERE job_id = %s", after))
    assert not system.rows("SELECT FROM template_generation_jobs WHERE job_id = %s", aborted)
