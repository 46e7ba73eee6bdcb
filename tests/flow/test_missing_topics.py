"""A broker without our topics, or with too few partitions. A module of its own: it needs an empty broker."""

import os
import subprocess
import sys
import time
from pathlib import Path

from confluent_kafka.admin import NewTopic

from tests.parts import KafkaServer


def test_a_worker_without_its_topics_says_so_and_ends(empty_broker: str, tmp_path: Path) -> None:
    """Within ten seconds the worker names the missing topics and the command that makes them, and ends with code 1."""
    environment = {**os.environ, "POSTERS_BROKERS": empty_broker, "POSTERS_STORAGE_URL": tmp_path.as_uri()}
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "posters", "worker", "retry"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 1
    assert time.monotonic() - began < 10
    assert "poster-retries-2" in ended.stderr
    assert "posters setup" in ended.stderr


def test_setup_names_a_topic_with_too_few_partitions_and_how_to_raise_them(
    empty_broker: str, kafka: KafkaServer, tmp_path: Path
) -> None:
    """Missing topics are created, and the one with too few partitions stays as it is; the rest of the setup goes on."""
    kafka.make_topics([NewTopic("poster-renders", num_partitions=4)])
    environment = {**os.environ, "POSTERS_BROKERS": empty_broker, "POSTERS_STORAGE_URL": tmp_path.as_uri()}
    ended = subprocess.run(
        [sys.executable, "-m", "posters", "setup"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert ended.returncode == 1
    assert "topic poster-renders has 4 partitions, 12 are wanted" in ended.stdout
    assert "kafka-topics.sh --alter --topic poster-renders --partitions 12" in ended.stdout
    assert "poster-retries-3" in kafka.admin().list_topics(timeout=10).topics
