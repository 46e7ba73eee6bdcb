"""A system on a shared cluster: every topic and consumer group starts with its prefix."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from schemas import topics
from streams.topics import ROLES, TOPICS
from tests.flow.system import System
from tests.parts import KafkaServer

PREFIX = "staging.eu_1-"


@pytest.fixture(scope="module")
def prefixed(kafka: KafkaServer, idle_system: System) -> Iterator[System]:
    """A system that shares the cluster: it has no topics yet."""
    kafka.clear()
    idle_system.environment["POSTERS_TOPIC_PREFIX"] = PREFIX
    made = idle_system.command("setup")
    assert made.returncode == 0, made.stderr
    idle_system.start_worker()
    yield idle_system
    idle_system.stop_worker()


def test_poster_goes_through_a_prefixed_system(prefixed: System, tmp_path: Path) -> None:
    """From the setup to the completed job nothing has a name without the prefix, and records keep their form."""
    template = tmp_path / "card.html"
    template.write_text("<h1>{{ title }}</h1>", encoding="utf-8")

    uploaded = prefixed.command("templates", "upload", "cards", str(template), "--timeout", "60")
    done = prefixed.command("request", "cards_latest", "--data", '{"title": "x"}', "--wait", "--timeout", "60")
    watched = prefixed.command("watch", done.stdout.split()[0], "--timeout", "60")
    prefixed.send(PREFIX + topics.POSTER_REQUESTS, "bad", b"not an event")
    letter = prefixed.wait(PREFIX + topics.DEAD_LETTERS, lambda record: record.key == b"bad")
    listed = prefixed.command("dead-letters", "list")

    assert uploaded.returncode == 0, uploaded.stderr
    assert done.returncode == 0, done.stderr
    assert "completed" in watched.stdout
    assert letter.headers is not None
    assert dict(letter.headers)["dlq.topic"] == topics.POSTER_REQUESTS.encode()
    assert "poster-requests/" in listed.stdout
    assert PREFIX not in listed.stdout
    _, metrics = prefixed.status("/metrics")
    assert set(re.findall(r'poster_consumer_lag_messages{.*topic="([^"]*)"', metrics)) <= {t.name for t in TOPICS}

    admin = AdminClient({"bootstrap.servers": prefixed.brokers})
    names = {name for name in admin.list_topics(timeout=10).topics if not name.startswith("__")}
    groups = {group.group_id for group in admin.list_consumer_groups().result().valid}
    assert names == {PREFIX + topic.name for topic in TOPICS}
    assert {PREFIX + role for role in ROLES} <= groups
    assert all(group.startswith(PREFIX) for group in groups if not re.fullmatch("[0-9a-f]{32}", group))
