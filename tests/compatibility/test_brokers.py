"""Brokers of other makes and sizes: the main flow from a request to its row."""

from pathlib import Path

import pytest
from confluent_kafka import TIMESTAMP_CREATE_TIME, Consumer, TopicPartition

from agents.settings import Settings
from posters.operations.broker.topics import TopicAdmin
from schemas.topics import POSTER_REQUESTS
from streams.topics import TOPICS
from tests.compatibility.cases import tried
from tests.compatibility.conftest import RunSystem, make_poster
from tests.compatibility.parts import Tansu
from tests.compatibility.test_topics import kafka_version
from tests.flow.system import System
from tests.parts import KafkaCluster

pytestmark = pytest.mark.whole


def check_flow(system: System) -> None:
    """Set up, find nothing wrong, make posters, stop, and make another one after a restart."""
    setup = system.command("setup")
    assert setup.returncode == 0, setup.stderr
    doctor = system.command("doctor")
    assert doctor.returncode == 0, doctor.stdout
    system.start_worker()
    make_poster(system)
    assert system.stop_worker() == 0, system.log_tail()
    system.start_worker()
    make_poster(system)


def append_time_kind(broker: str) -> int:
    """Return whose time the first request of a broker has."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "times"})
    numbers = range(next(topic.partitions for topic in TOPICS if topic.name == POSTER_REQUESTS))
    consumer.assign([TopicPartition(POSTER_REQUESTS, number, 0) for number in numbers])
    record = consumer.poll(30)
    consumer.close()
    assert record is not None
    kind, _ = record.timestamp()
    return kind


def test_kafka(empty_broker: str, empty_database: str, run_system: RunSystem) -> None:
    """One node of Apache Kafka."""
    with run_system(empty_broker, empty_database) as system:
        check_flow(system)
    tried("kafka", kafka_version())


def test_cluster(parts_directory: Path, empty_database: str, run_system: RunSystem) -> None:
    """Three nodes of Apache Kafka."""
    with (
        KafkaCluster(parts_directory / "compatible-cluster") as cluster,
        run_system(cluster.address, empty_database) as system,
    ):
        TopicAdmin(Settings(brokers=cluster.address)).setup()
        cluster.until_together(topic.name for topic in TOPICS)
        check_flow(system)
    tried("cluster", kafka_version())


def test_tansu(parts_directory: Path, empty_database: str, run_system: RunSystem) -> None:
    """Another implementation of the protocol; it keeps the time of a producer where the topic wants the broker's."""
    with Tansu(parts_directory / "tansu") as tansu, run_system(tansu.address, empty_database) as system:
        check_flow(system)
        assert append_time_kind(tansu.address) == TIMESTAMP_CREATE_TIME
    tried("tansu", Tansu.version())
