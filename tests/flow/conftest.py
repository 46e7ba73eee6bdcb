"""A running system for the tests of the whole flow."""

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka.admin import NewTopic

from streams.topics import TOPICS
from tests.flow.system import System
from tests.parts import KafkaServer, ObjectServer, PostgresServer, free_port


@pytest.fixture(scope="module")
def idle_system(
    kafka: KafkaServer,
    postgres: PostgresServer,
    migrated_template: Callable[[], str],
    object_server: ObjectServer,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[System]:
    """Empty topics, tables and bucket, and no worker."""
    kafka.clear()
    kafka.make_topics(
        NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=1, config=topic.configuration())
        for topic in TOPICS
    )
    name = f"flow_{uuid4().hex[:12]}"
    postgres.create(name, template=migrated_template())
    bucket = object_server.bucket()
    environment = {
        **bucket.environment,
        "POSTERS_BROKERS": kafka.address,
        "POSTERS_DATABASE_URL": postgres.url(name),
        "POSTERS_STORAGE_URL": bucket.storage_url,
        "POSTERS_FETCH_WAIT": "0.05",
        "POSTERS_SESSION_TIMEOUT": "6",
        "POSTERS_RETRY_DELAYS": "1,1,1",
        "POSTERS_STATUS_ADDRESS": f"127.0.0.1:{free_port()}",
    }
    log: Path = tmp_path_factory.mktemp("flow") / "worker.log"
    running = System(kafka.address, postgres.url(name), environment, log)
    yield running
    if running.worker is not None and running.worker.poll() is None:
        running.kill_worker()
    postgres.drop(name)


@pytest.fixture(scope="module")
def system(idle_system: System) -> System:
    """The same with a worker of all roles."""
    idle_system.start_worker()
    return idle_system
