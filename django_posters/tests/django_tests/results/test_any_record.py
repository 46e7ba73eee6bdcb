"""No record ends the consumer, fills the database or puts a script on a page."""

import logging
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Producer
from django_posters.contract.topics import JOB_EVENTS, POSTER_COMPLETIONS, TEMPLATE_CATALOG, TEMPLATE_EVENTS
from django_posters.models import DeadLetterEvent, Poster, TemplateCommand
from django_posters.results import consumer
from django_posters.results.addresses import usable_address
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from django_posters import request_poster
from django_tests.outcomes import URL, outcome
from django_tests.site import NAME, Site, make_testimonial, until
from tests.contract.odd_events import GOLDEN, changed
from tests.contract.published import to_bytes
from tests.streams.raw_batches import produce_raw, raw_batch, raw_record

TOPICS = (POSTER_COMPLETIONS, JOB_EVENTS, TEMPLATE_EVENTS, TEMPLATE_CATALOG)
BYTES = st.none() | st.binary(max_size=40)


@dataclass
class Received:
    """A record, as the client hands it over."""

    topic_name: str
    content: bytes | None
    key_bytes: bytes | None = b"k"
    place: int = 0

    def topic(self) -> str:
        """Return the topic."""
        return self.topic_name

    def partition(self) -> int:
        """Return the partition."""
        return 0

    def offset(self) -> int:
        """Return the offset."""
        return self.place

    def key(self) -> bytes | None:
        """Return the key."""
        return self.key_bytes

    def value(self) -> bytes | None:
        """Return the value."""
        return self.content

    def headers(self) -> None:
        """Have none."""


def handle(received: Any) -> None:
    """Handle a record as the consumer does."""
    consumer.handle(received, NAME)


@given(topic=st.sampled_from(TOPICS), value=BYTES | changed(NAME), key=BYTES, offset=st.integers(0, 2**63 - 1))
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_handling_any_record_raises_nothing(
    any_site: Site, topic: str, value: bytes | None, key: bytes | None, offset: int
) -> None:
    """Any bytes, and any event with odd values, on every topic and every database."""
    handle(Received(topic, value, key, offset))


@given(value=changed(NAME))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_event_about_a_poster_of_the_site_raises(any_site: Site, value: bytes) -> None:
    """The same about rows that exist: what does not fit a column is set aside, whatever the database."""
    poster = Poster.objects.first() or request_poster(make_testimonial())
    jobs = {event["job_id"] for event in GOLDEN if "job_id" in event}
    for job in jobs:
        value = value.replace(job.encode(), poster.job_id.encode())
    for number, topic in enumerate(TOPICS):
        handle(Received(topic, value, place=number))


@pytest.mark.parametrize(
    "url",
    [
        *["javascript:alert(1)", "JavaScript:alert(1)", "java\nscript:alert(1)", " javascript:alert(1)", "vbscript:x"],
        *["data:text/html,<script>", "data:image/svg+xml,<svg onload=alert(1)>"],
        *["https:///x", "//x\\y", 'https://a/">', "x"],
    ],
)
def test_an_address_that_is_none_is_not_stored(plain_site: Site, url: str, caplog: pytest.LogCaptureFixture) -> None:
    """The poster is recorded as completed, without an address, and the log says so."""
    poster = request_poster(make_testimonial())
    with caplog.at_level(logging.WARNING):
        handle(Received(POSTER_COMPLETIONS, outcome(poster.job_id, url=url)))

    poster.refresh_from_db()
    assert (poster.status, poster.url) == ("completed", "")
    assert f"{poster.job_id}[0]" in caplog.text
    assert not DeadLetterEvent.objects.exists()


@pytest.mark.parametrize(
    "url", [URL, "http://localhost:9000/posters/a%20b_1x1.png?x=1#y", "/media/1.png", "file:///srv/posters/1.png"]
)
def test_an_address_of_the_web_or_of_the_site_is_stored(url: str) -> None:
    """Also that of a storage in a directory."""
    assert usable_address(url, "it") == url


def test_the_address_of_a_preview_is_checked_too(plain_site: Site) -> None:
    """The admin shows it."""
    event = next(each for each in GOLDEN if each["type"] == "template.previewed")
    command = TemplateCommand.objects.create(
        command_id=event["command_id"], kind="template.preview", section="s", created_at="2026-01-01T00:00:00Z"
    )
    handle(Received(TEMPLATE_EVENTS, to_bytes({**event, "url": "javascript:alert(1)"})))

    command.refresh_from_db()
    assert (command.state, command.url) == ("done", "")


def test_dead_letters_are_bounded(
    any_site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The newest rows stay, a repeated record takes no second row, long values are cut, and one line is logged."""
    monkeypatch.setattr(consumer, "DEAD_LETTERS_KEPT", 10)
    monkeypatch.setattr(consumer, "_dead_letter_log", consumer._DeadLetterLog())
    with caplog.at_level(logging.ERROR):
        for offset in range(25):
            handle(Received(POSTER_COMPLETIONS, b"x" * 100_000, b"k" * 70_000, offset))
            handle(Received(POSTER_COMPLETIONS, b"x" * 100_000, b"k" * 70_000, offset))

    rows = DeadLetterEvent.objects.order_by("offset")
    assert [row.offset for row in rows] == list(range(15, 25))
    assert {(len(row.key), len(row.value)) for row in rows} == {(65_536, 65_536)}
    assert "(The value is cut: it has 100,000 bytes.)" in rows[0].error
    assert len(caplog.records) == 1


def test_odd_and_aborted_records_of_the_broker(site: Site) -> None:
    """Header names that are not UTF-8, keys of any bytes and any time end nothing; aborted outcomes do not count."""
    poster = request_poster(make_testimonial())
    headers = [(b"\xff", b"1"), (b"", None)]
    for topic in TOPICS:
        produce_raw(site.broker, topic, raw_batch([raw_record(b"\xff", b"{", headers)], timestamp=-1))
    producer = Producer({"bootstrap.servers": site.broker, "transactional.id": "aborted"})
    producer.init_transactions(60)
    producer.begin_transaction()
    producer.produce(POSTER_COMPLETIONS, value=outcome(poster.job_id, "failed"), partition=0)
    producer.flush(30)
    producer.abort_transaction(60)
    produce_raw(
        site.broker, POSTER_COMPLETIONS, raw_batch([raw_record(None, outcome(poster.job_id), headers)], timestamp=0)
    )

    site.start("consume_posters")
    until(lambda: Poster.objects.get().is_finished)

    assert Poster.objects.get().status == "completed"
