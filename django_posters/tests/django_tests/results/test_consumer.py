"""consume_posters as a process, on a real broker."""

import signal

from django.db import connections
from django_posters.contract.topics import JOB_EVENTS, POSTER_COMPLETIONS, TEMPLATE_CATALOG, TEMPLATE_EVENTS
from django_posters.models import DeadLetterEvent, Job, Poster, PosterTemplate
from testimonials import models

from django_posters import request_poster
from django_tests.outcomes import URL, job_event, outcome, version
from django_tests.records import read_topic, write_topic
from django_tests.site import Site, make_testimonial, until
from schemas.codec import encode
from tests.parts import PostgresServer


def has_url() -> bool:
    return models.Testimonial.objects.filter(poster_url=URL).exists()


def test_outcome_reaches_the_site(any_site_with_broker: Site) -> None:
    """An outcome on the topic, even one from before the consumer's first start, becomes the row's URL."""
    site = any_site_with_broker
    poster = request_poster(make_testimonial(), metadata={"user_id": 1})
    write_topic(site.broker, POSTER_COMPLETIONS, [b"{}", outcome(poster.job_id)])

    site.start("consume_posters")
    until(has_url)

    made = Poster.objects.get()
    assert made.metadata == {"user_id": 1}
    record = read_topic(site.broker, POSTER_COMPLETIONS)[1]
    assert (made.outcome_partition, made.outcome_offset) == (record.partition(), record.offset())


def test_other_sites_are_left_alone(site: Site) -> None:
    """Outcomes of another site are ignored, even under the same job id."""
    poster = request_poster(make_testimonial())
    values = [
        outcome(poster.job_id, "failed", source="elsewhere"),
        outcome(poster.job_id, "failed", source=None),
        outcome(poster.job_id),
    ]
    write_topic(site.broker, POSTER_COMPLETIONS, values)

    site.start("consume_posters")

    until(has_url)

    assert (Poster.objects.get().status, DeadLetterEvent.objects.count()) == ("completed", 0)


def test_invalid_records_become_dead_letters(site: Site) -> None:
    """Invalid records are stored as dead letters with the reason, and the outcome after them is applied."""
    poster = request_poster(make_testimonial())
    null_character = outcome(poster.job_id).replace(URL.encode(), b"https://cdn.test/\\u0000")
    bad = [b"\xff{", b"[]", b'{"type":"poster.completed","version":1}', None, b"[" * 5_000, null_character]
    write_topic(site.broker, POSTER_COMPLETIONS, [*bad, outcome(poster.job_id)])

    site.start("consume_posters")
    until(has_url)

    letters = DeadLetterEvent.objects.order_by("offset")
    assert [None if row.value is None else bytes(row.value) for row in letters] == bad
    assert all(row.error for row in letters)


def test_every_topic_of_results_is_read(any_site_with_broker: Site) -> None:
    """Job events, template events and the catalog are applied; invalid records of each become dead letters."""
    site = any_site_with_broker
    job_id = request_poster(make_testimonial()).job_id
    write_topic(site.broker, JOB_EVENTS, [b"bad", job_event(job_id, 2, success_count=3), job_event(job_id, 1)])
    write_topic(site.broker, JOB_EVENTS, [job_event(job_id, 9, source="elsewhere")])
    write_topic(site.broker, TEMPLATE_EVENTS, [b"{}", encode(version(1))])
    write_topic(site.broker, TEMPLATE_CATALOG, [None, b"", encode(version(2))])

    site.start("consume_posters")
    until(lambda: PosterTemplate.objects.count() == 2 and Job.objects.get().revision == 2)
    until(lambda: DeadLetterEvent.objects.count() == 3)

    assert {row.topic for row in DeadLetterEvent.objects.all()} == {JOB_EVENTS, TEMPLATE_EVENTS, TEMPLATE_CATALOG}
    assert Job.objects.get().success_count == 3


def test_value_that_no_column_holds_blocks_nobody(any_site_with_broker: Site) -> None:
    """A valid event with a number too large for its column becomes a dead letter, and the next one is applied."""
    site = any_site_with_broker
    poster = request_poster(make_testimonial())
    # The limits of columns differ between the database servers.
    huge = outcome(poster.job_id, size_bytes=2**64 - 1, generation_time_ms=2**40)
    write_topic(site.broker, POSTER_COMPLETIONS, [huge, outcome(poster.job_id)])

    site.start("consume_posters")
    until(has_url)

    assert DeadLetterEvent.objects.count() == 1


def test_terminated_consumer_goes_on_where_it_was(site: Site) -> None:
    """TERM shuts it down gracefully and commits offsets: the next process does not start from the beginning."""
    first = request_poster(make_testimonial())
    write_topic(site.broker, POSTER_COMPLETIONS, [b"bad", outcome(first.job_id)])
    consumer = site.start("consume_posters")
    until(has_url)
    consumer.send_signal(signal.SIGTERM)
    code = consumer.wait(30)
    DeadLetterEvent.objects.all().delete()
    models.Testimonial.objects.update(poster_url="")

    second = request_poster(make_testimonial())
    write_topic(site.broker, POSTER_COMPLETIONS, [outcome(second.job_id)])
    site.start("consume_posters")
    until(has_url)

    assert code == 0
    assert not DeadLetterEvent.objects.exists()


def test_database_outage_loses_nothing(site: Site, postgres: PostgresServer) -> None:
    """Records from a database outage are applied after it, by the same process."""
    poster, earlier = request_poster(make_testimonial()), request_poster(make_testimonial())
    consumer = site.start("consume_posters")
    write_topic(site.broker, POSTER_COMPLETIONS, [outcome(earlier.job_id)])
    until(has_url)
    models.Testimonial.objects.update(poster_url="")

    postgres.stop()
    try:
        write_topic(site.broker, POSTER_COMPLETIONS, [outcome(poster.job_id)])
    finally:
        postgres.start()
    connections.close_all()
    until(has_url)

    assert consumer.poll() is None
