"""relay_posters: publishes exactly the committed events, in order, despite crashes."""

import contextlib
import itertools
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import cast
from unittest.mock import patch

import orjson
import psutil
import pytest
from confluent_kafka import Message, Producer
from django.conf import settings
from django.db import ProgrammingError, connection, transaction
from django.test import override_settings
from django.utils import timezone
from django_posters.contract.requests import JobCancelRequested
from django_posters.contract.topics import POSTER_REQUESTS
from django_posters.models import Job, OutboxEvent
from django_posters.outbox.positions import record_positions
from django_posters.outbox.relay import publish_batch
from django_posters.outbox.store import add_event

from django_posters import request_poster
from django_tests.records import read_topic
from django_tests.site import Site, make_testimonial, until
from schemas.codec import decode
from schemas.envelope import Envelope
from tests.parts import KafkaServer


class _RolledBackError(Exception):
    """Raised to roll back a transaction."""


def add_cancel(job_id: str) -> uuid.UUID:
    """Write a second event of a job into the outbox and return its id."""
    event = JobCancelRequested(event_id=uuid.uuid4(), occurred_at=timezone.now(), job_id=job_id)
    add_event(event, topic=POSTER_REQUESTS, key=job_id)
    return event.event_id


def published(site: Site) -> list[Message]:
    return read_topic(site.broker, POSTER_REQUESTS)


def event_id_of(value: bytes) -> uuid.UUID:
    return decode(value, Envelope).event_id


def first_appearances(records: Iterable[Message]) -> dict[str, list[uuid.UUID]]:
    """Return the event ids of each job in the order of their first arrival, without duplicates."""
    jobs: dict[str, list[uuid.UUID]] = {}
    for record in records:
        event_id = event_id_of(record.value() or b"")
        seen = jobs.setdefault((record.key() or b"").decode(), [])
        if event_id not in seen:
            seen.append(event_id)
    return jobs


def test_event_reaches_the_broker_as_written(any_site_with_broker: Site) -> None:
    """Key, bytes and headers on the topic are those of the outbox row, which is then deleted."""
    site = any_site_with_broker
    request_poster(make_testimonial())
    row = OutboxEvent.objects.get()

    done = site.run("relay_posters", "--once")

    (record,) = published(site)
    assert done.stdout == "1 events published\n"
    assert (record.key(), record.value()) == (row.key.encode(), bytes(row.value))
    assert {name: value.decode() for name, value in record.headers() or []} == row.headers
    assert not OutboxEvent.objects.exists()


@pytest.fixture
def console() -> Iterator[None]:
    """Settings with a Redpanda Console to link to."""
    with override_settings(POSTERS={**settings.POSTERS, "CONSOLE_URL": "http://console.test"}):
        yield


def test_positions_of_requests_are_recorded_by_poster(any_site_with_broker: Site, console: None) -> None:
    """A job knows the record of each of its posters; of a request that is sent again the newest; of a cancel none."""
    job = request_poster(make_testimonial()).job
    part = {"type": "batch.requested", "first_index": 1, "posters": [{}, {}]}
    cancel = {"type": "job.cancel_requested", "job_id": job.pk}
    more = [orjson.dumps(part), orjson.dumps(cancel), b"nothing that anybody reads"]
    for value in more:
        OutboxEvent.objects.create(
            event_id=uuid.uuid4(), topic=POSTER_REQUESTS, key=job.pk, value=value, created_at=timezone.now()
        )
    events = list(OutboxEvent.objects.order_by("pk"))

    record_positions(events, {event.pk: (2, number) for number, event in enumerate(events)})
    record_positions(events[:1], {events[0].pk: (2, 9)})
    record_positions(events, {})

    job.refresh_from_db()
    assert job.request_records == [[0, 1, 2, 9], [1, 2, 2, 1]]
    assert [job.request_position(number) for number in range(4)] == [(2, 9), (2, 1), (2, 1), None]


def test_the_relay_records_where_the_broker_stored_a_request(any_site_with_broker: Site, console: None) -> None:
    """It is that of the acknowledgement; where the broker does not say, the job goes without."""
    known, unknown = (request_poster(make_testimonial()).job for _ in range(2))

    published = publish_batch(cast("Producer", RecordingProducer(offsets=[7, None])))

    assert published == 2
    assert not OutboxEvent.objects.exists()
    known.refresh_from_db()
    unknown.refresh_from_db()
    assert (known.request_position(0), unknown.request_position(0)) == ((3, 7), None)


def test_nothing_is_recorded_without_a_console(any_site_with_broker: Site) -> None:
    """Nothing but links to Console needs the positions, so the relay writes none."""
    job = request_poster(make_testimonial()).job

    publish_batch(cast("Producer", RecordingProducer()))

    job.refresh_from_db()
    assert job.request_records == []


def test_a_position_that_cannot_be_written_is_no_reason_to_publish_again(
    any_site_with_broker: Site, console: None, caplog: pytest.LogCaptureFixture
) -> None:
    """A relay whose database user may not change jobs deletes what was acknowledged, and says what is missing."""
    request_poster(make_testimonial())

    with patch("django_posters.outbox.positions._write", side_effect=ProgrammingError("permission denied")):
        publish_batch(cast("Producer", RecordingProducer()))

    assert not OutboxEvent.objects.exists()
    assert "the positions of 1 requests are not recorded: permission denied" in caplog.text


def test_a_locked_job_goes_without_its_position(served_site: Site, console: None) -> None:
    """The relay waits for no transaction of the site: it would hold locks that the transaction may wait for."""
    job = request_poster(make_testimonial()).job
    event = OutboxEvent.objects.get()
    with ThreadPoolExecutor(1) as pool, transaction.atomic():
        Job.objects.select_for_update().get(pk=job.pk)

        pool.submit(_record_in_a_thread, event).result(10)

    job.refresh_from_db()
    assert job.request_records == []


def _record_in_a_thread(event: OutboxEvent) -> None:
    record_positions([event], {event.pk: (2, 3)})
    connection.close()


class StoredRecord:
    """What the broker says of an acknowledged record."""

    def __init__(self, *, partition: int, offset: int | None) -> None:
        self.partition = lambda: partition
        self.offset = lambda: offset
        self.topic = lambda: POSTER_REQUESTS


class RecordingProducer:
    """Keeps the topics of the records that it is given, and acknowledges them."""

    def __init__(self, offsets: Iterable[int | None] | None = None) -> None:
        self.topics: list[str] = []
        self._offsets = iter(itertools.count(1) if offsets is None else offsets)

    def produce(self, topic: str, *, on_delivery: Callable[[None, object], None], **_: object) -> None:
        """Take a record."""
        self.topics.append(topic)
        on_delivery(None, StoredRecord(partition=3, offset=next(self._offsets)))

    def flush(self) -> None:
        """Have nothing to wait for."""


def test_a_site_with_own_topics_publishes_there(any_site_with_broker: Site) -> None:
    """Also what was written into the outbox before the setting."""
    request_poster(make_testimonial())
    producer = RecordingProducer()
    with override_settings(POSTERS={**settings.POSTERS, "OWN_TOPICS": True}):
        publish_batch(cast("Producer", producer))

    assert producer.topics == [f"{POSTER_REQUESTS}.{settings.POSTERS['SITE']}"]
    assert not OutboxEvent.objects.exists()


def test_rolled_back_request_is_not_published(any_site_with_broker: Site) -> None:
    """An event of a rolled-back transaction never reaches the broker."""
    site = any_site_with_broker
    with contextlib.suppress(_RolledBackError), transaction.atomic():
        request_poster(make_testimonial())
        raise _RolledBackError

    site.run("relay_posters", "--once")

    assert published(site) == []


@pytest.fixture(params=["postgres_url", "mariadb_url"])
def served_site(request: pytest.FixtureRequest, broker: str) -> Iterator[Site]:
    """The site on each database server, with a broker."""
    with Site(database_url=request.getfixturevalue(request.param), broker=broker) as site:
        yield site


def test_killed_relays_publish_exactly_what_was_committed(any_site_with_broker: Site) -> None:
    """50 transactions for each kill, 30 % rolled back: the committed events and no others, in order.

    1,000 transactions and 20 kills on PostgreSQL, a quarter of that elsewhere.
    """
    site = any_site_with_broker
    kills = 20 if connection.vendor == "postgresql" else 5
    committed: dict[str, list[bytes]] = {}
    with site.forking("relay_posters") as start_relay:
        for first in range(0, 50 * kills, 50):
            relay = start_relay()
            for number in range(first, first + 50):
                committed |= transact(number, roll_back=number % 10 in (2, 5, 8))
            kill_at_work(relay)

    site.run("relay_posters", "--once")

    records = published(site)
    assert len(committed) == 35 * kills
    assert first_appearances(records) == {
        job: [event_id_of(value) for value in told] for job, told in committed.items()
    }
    assert {record.value() for record in records} == {value for told in committed.values() for value in told}


def transact(number: int, *, roll_back: bool) -> dict[str, list[bytes]]:
    """Request a poster and write up to two more events of its job; return the committed events, in order."""
    with contextlib.suppress(_RolledBackError), transaction.atomic():
        job_id = request_poster(make_testimonial(author=f"Author {number}")).job_id
        for _ in range(number % 3):
            add_cancel(job_id)
        events = [bytes(event.value) for event in OutboxEvent.objects.filter(key=job_id).order_by("pk")]
        if roll_back:
            raise _RolledBackError
        return {job_id: events}
    return {}


def kill_at_work(relay: int) -> None:
    """Kill the relay as soon as the broker has acknowledged an event."""
    oldest = OutboxEvent.objects.order_by("pk").first()
    until(lambda: oldest is None or not OutboxEvent.objects.filter(pk=oldest.pk).exists())
    os.kill(relay, signal.SIGKILL)
    until(lambda: not psutil.pid_exists(relay))


def test_terminated_relay_ends_in_order(site: Site) -> None:
    """TERM lets the relay finish the events in flight and exit without an error."""
    relay = site.start("relay_posters")
    add_cancel("job-1")
    until(lambda: not OutboxEvent.objects.exists())

    relay.terminate()

    assert relay.wait(30) == 0
    assert len(published(site)) == 1


def test_two_relays_keep_the_order_of_a_job(served_site: Site) -> None:
    """Several relays share the work, and the events of a job still arrive in order, each once."""
    site = served_site
    jobs: dict[str, list[uuid.UUID]] = {f"job-{number}": [] for number in range(20)}
    with transaction.atomic():
        for _ in range(10):
            for job, events in jobs.items():
                events.append(add_cancel(job))

    relays = [site.start("relay_posters", "--once") for _ in range(2)]

    assert [relay.wait(60) for relay in relays] == [0, 0]
    site.run("relay_posters", "--once")
    records = published(site)
    assert first_appearances(records) == jobs
    assert len(records) == 200


def test_commit_wakes_the_relay(site: Site) -> None:
    """On PostgreSQL a commit is published at once, not at the next poll."""
    site.start("relay_posters")
    request_poster(make_testimonial(author="First"))
    until(lambda: not OutboxEvent.objects.exists())
    waits = []
    for number in range(5):
        testimonial = make_testimonial(author=f"Author {number}")
        started = time.monotonic()
        request_poster(testimonial)
        until(lambda: not OutboxEvent.objects.exists())
        waits.append(time.monotonic() - started)

    # The next poll is a second after the last one, which was just before.
    assert sorted(waits)[2] < 0.7


def test_refused_event_stands_in_nobodys_way(site: Site) -> None:
    """A permanently refused event keeps its row with the reason, and later events of its job are published."""
    add_cancel("job-1")
    OutboxEvent.objects.update(value=b" " * 9 * 1024 * 1024)
    later = add_cancel("job-1")

    site.run("relay_posters", "--once")

    assert first_appearances(published(site)) == {"job-1": [later]}
    assert "large" in OutboxEvent.objects.get().refused.lower()


def test_broker_outage_keeps_the_outbox(site: Site, kafka: KafkaServer) -> None:
    """A broker outage loses nothing: `--once` fails with an error, and the events are published after the outage."""
    job_id = request_poster(make_testimonial()).job_id
    kafka.stop()
    try:
        done = site.run("relay_posters", "--once", check=False)
        left = OutboxEvent.objects.count()
    finally:
        kafka.start()
    site.run("relay_posters", "--once")

    assert (done.returncode, left) == (1, 1)
    assert "did not take 1 events in 10 s" in done.stderr
    assert list(first_appearances(published(site))) == [job_id]
