"""A site's replay carried out by a worker, where the header of replays counts nowhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings
from django_posters.conf import get_settings
from django_posters.contract import topics
from django_posters.kafka import make_producer
from django_posters.models import Poster, PosterTemplate
from django_posters.outbox.relay import publish_batch
from django_posters.results.consumer import handle
from testimonials import models

from django_posters import request_poster, request_posters
from django_tests.records import read_topic
from django_tests.site import NAME, Site, make_testimonial
from tests.flow.system import System
from tests.parts import Bucket, free_port


@pytest.fixture
def workers(site: Site, database: str, bucket: Bucket, tmp_path: Path) -> Iterator[System]:
    """A worker that believes no generation of a site, and a site that writes to topics of its own."""
    environment = {
        **bucket.environment,
        "POSTERS_BROKERS": site.broker,
        "POSTERS_DATABASE_URL": database,
        "POSTERS_STORAGE_URL": bucket.storage_url,
        "POSTERS_FETCH_WAIT": "0.05",
        "POSTERS_STATUS_ADDRESS": f"127.0.0.1:{free_port()}",
        "POSTERS_SOURCE_TOPICS": NAME,
        "POSTERS_REPLAY_HEADER": "refuse",
    }
    running = System(site.broker, database, environment, tmp_path / "worker.log")
    assert running.command("setup").returncode == 0
    running.start_worker()
    with override_settings(POSTERS={**settings.POSTERS, "OWN_TOPICS": True}):
        yield running
    if running.worker is not None and running.worker.poll() is None:
        running.kill_worker()


def exchange(workers: System) -> None:
    """Do what relay_posters and consume_posters do, once, with everything that is there."""
    producer = make_producer(get_settings())
    while publish_batch(producer):
        pass
    for topic in (topics.POSTER_COMPLETIONS, topics.JOB_EVENTS, topics.TEMPLATE_CATALOG):
        for message in read_topic(workers.brokers, topic):
            handle(message, NAME)


def after_exchange(workers: System, expected: list[tuple[str, int, bool]]) -> None:
    """Return once the posters have this status, this generation and an address, in their order."""

    def reached() -> bool:
        exchange(workers)
        rows = Poster.objects.order_by("job_id", "poster_index").values_list("status", "generation", "url")
        return [(status, generation, url != "") for status, generation, url in rows] == expected

    assert workers.eventually(reached)
    workers.eventually(workers.sink_is_idle)


def test_replays_of_a_site_reach_the_workers(site: Site, workers: System, tmp_path: Path) -> None:
    """A poster and a batch, of a private template, are made again in the next generation, by events on own topics."""
    template = tmp_path / "testimonial.html"
    template.write_text("<p>{{ author }}</p>", encoding="utf-8")
    site.run("upload_poster_template", "testimonial", str(template), "--private", "--wait")
    poster = request_poster(make_testimonial())
    after_exchange(workers, [("completed", 0, True)])
    poster.refresh_from_db()

    poster.replay()
    after_exchange(workers, [("completed", 1, True)])
    make_testimonial()
    job = request_posters(models.Testimonial.objects.order_by("pk"), reuse=False)
    after_exchange(workers, [("completed", 1, True), ("completed", 0, True), ("completed", 0, True)])
    assert job.replay() == 2

    after_exchange(workers, [("completed", 1, True), ("completed", 1, True), ("completed", 1, True)])
    template_row = PosterTemplate.objects.get()
    assert (template_row.owner, template_row.is_private, template_row.is_shared) == (NAME, True, False)
    letters = read_topic(workers.brokers, topics.DEAD_LETTERS)
    job.refresh_from_db()
    assert (letters, job.status, job.success_count) == ([], "completed", 2)
