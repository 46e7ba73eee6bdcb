"""TOPIC_PREFIX: a site of a system that shares a cluster."""

import threading
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import NewTopic
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from django_posters.admin.read_only import console_link
from django_posters.conf import get_settings
from django_posters.contract.topics import POSTER_COMPLETIONS, POSTER_REQUESTS
from django_posters.kafka import make_consumer
from django_posters.models import DeadLetterEvent, Poster
from django_posters.results.consumer import EXPECTED, consume_until

from django_posters import request_poster
from django_tests.outcomes import NOW, URL, outcome
from django_tests.records import read_topic, write_topic
from django_tests.site import NAME, Site, make_testimonial
from tests.parts import KafkaServer

PREFIX = "staging."


@pytest.fixture
def prefixed(sqlite_url: str, empty_broker: str, kafka: KafkaServer) -> Iterator[Site]:
    """A site on a cluster that has the topics of its system only."""
    names = [PREFIX + name for name in (POSTER_REQUESTS, *EXPECTED)]
    kafka.make_topics(NewTopic(name, num_partitions=1, replication_factor=1) for name in names)
    with (
        Site(database_url=sqlite_url, broker=empty_broker) as site,
        override_settings(POSTERS=settings.POSTERS | {"TOPIC_PREFIX": PREFIX, "CONSOLE_URL": "http://console.test"}),
    ):
        yield site


def test_site_uses_the_topics_and_groups_of_its_system(prefixed: Site) -> None:
    """Requests go to prefixed topics, results come by a prefixed group, and rows have the contract's names."""
    poster = request_poster(make_testimonial())
    call_command("relay_posters", once=True)
    completions = PREFIX + POSTER_COMPLETIONS
    write_topic(prefixed.broker, completions, [b"no event", outcome(poster.job_id)])
    found, stop = get_settings(), threading.Event()

    def stop_when_applied(waits_for: str) -> None:
        if Poster.objects.get().url:
            stop.set()

    consumer = make_consumer(found, group=found.group)
    consume_until(stop, consumer, site=NAME, beat=stop_when_applied)
    consumer.close()

    assert [record.key() for record in read_topic(prefixed.broker, PREFIX + POSTER_REQUESTS)] == [
        poster.job_id.encode()
    ]
    assert (found.group, Poster.objects.get().url) == (f"{PREFIX}django-{NAME}", URL)
    assert DeadLetterEvent.objects.get().topic == POSTER_COMPLETIONS
    assert f"/topics/{PREFIX}{POSTER_REQUESTS}?" in console_link(POSTER_REQUESTS, "key", NOW, "request")
