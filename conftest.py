"""Fixtures: real servers, started once in a session by the first test that needs them, and emptied for every test."""

import asyncio
import signal
import tempfile
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from confluent_kafka.admin import NewTopic

from posters.operations.migrations import migrate
from streams.topics import TOPICS
from tests.parts import Bucket, KafkaServer, MariaServer, ObjectServer, PartError, PostgresServer


def pytest_configure() -> None:
    """Handle SIGINT, which shells ignore for background jobs: child processes would inherit that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def parts_directory() -> Iterator[Path]:
    """A directory with a short path (for unix sockets) for the data of every server, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="posters-", ignore_cleanup_errors=True) as directory:
        yield Path(directory)


@pytest.fixture(scope="session")
def kafka(parts_directory: Path) -> Iterator[KafkaServer]:
    """The session's Kafka, with the data of earlier tests: use `broker` or `empty_broker` instead."""
    with KafkaServer(parts_directory / "kafka") as server:
        yield server


@pytest.fixture
def empty_broker(kafka: KafkaServer) -> str:
    """The address of a broker without topics and consumer groups."""
    revive(kafka)
    try:
        kafka.clear()
    except PartError:
        # A failed test left a worker running, which stays in its group.
        kafka.renew()
    return kafka.address


@pytest.fixture
def broker(kafka: KafkaServer, empty_broker: str) -> str:
    """The address of a broker with every topic of the contract, empty."""
    kafka.make_topics(
        NewTopic(topic.name, num_partitions=topic.partitions, replication_factor=1, config=topic.configuration())
        for topic in TOPICS
    )
    return empty_broker


@pytest.fixture(scope="session")
def postgres(parts_directory: Path) -> Iterator[PostgresServer]:
    """The session's PostgreSQL."""
    with PostgresServer(parts_directory / "postgres") as server:
        yield server


@pytest.fixture(scope="session")
def mariadb(parts_directory: Path) -> Iterator[MariaServer]:
    """The session's MariaDB."""
    with MariaServer(parts_directory / "mariadb") as server:
        yield server


@pytest.fixture(scope="session")
def migrated_template(postgres: PostgresServer) -> Callable[[], str]:
    """Returns the name of a template database with every migration applied today.

    Migrations make partitions for the day on which they run, and a session may pass midnight.
    """
    made: dict[date, str] = {}

    def template() -> str:
        today = datetime.now(UTC).date()
        if today not in made:
            revive(postgres)
            name = f"migrated_{today:%Y_%m_%d}"
            postgres.create(name)
            asyncio.run(migrate(postgres.url(name)))
            made[today] = name
        return made[today]

    return template


@pytest.fixture
def empty_database(postgres: PostgresServer) -> Iterator[str]:
    """The address of a database without tables."""
    yield from _database(postgres, "template1")


@pytest.fixture
def database(postgres: PostgresServer, migrated_template: Callable[[], str]) -> Iterator[str]:
    """The address of a database with every migration applied and no rows."""
    yield from _database(postgres, migrated_template())


@pytest.fixture(scope="session")
def object_server(parts_directory: Path) -> Iterator[ObjectServer]:
    """The session's S3 server."""
    with ObjectServer(parts_directory / "objects") as server:
        yield server


@pytest.fixture
def bucket(object_server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """An empty bucket; the `AWS_*` variables of this process point to its server."""
    revive(object_server)
    bucket = object_server.bucket()
    for name, value in bucket.environment.items():
        monkeypatch.setenv(name, value)
    return bucket


def _database(postgres: PostgresServer, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex[:12]}"
    revive(postgres)
    postgres.create(name, template=template)
    yield postgres.url(name)
    revive(postgres)
    postgres.drop(name)


def revive(part: KafkaServer | PostgresServer | ObjectServer) -> None:
    """Start the server if it is down: a test may stop it, and fail before it has started it again."""
    if not part.process.running:
        part.start()
