"""Topics that a platform team made beforehand: what matters is found, repaired or named."""

import asyncio
from collections.abc import Iterator, Mapping
from uuid import uuid4

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from agents.settings import Settings
from posters.operations.broker.topic_settings import wrong_settings
from posters.operations.broker.topics import TopicAdmin
from posters.operations.errors import OperationError
from posters.operations.setup import set_up
from streams.topics import TOPICS, Topic
from tests.compatibility.cases import tried
from tests.compatibility.conftest import RunSystem, make_poster
from tests.parts import KafkaServer, PostgresServer, free_port
from tests.parts.kafka import _find_jars

DAY = 24 * 60 * 60 * 1000
WRONG = {
    "create-time": ("poster-requests", {"message.timestamp.type": "CreateTime"}, "LogAppendTime"),
    "cleanup-policy": ("poster-completions", {"cleanup.policy": "compact"}, "delete"),
    "max-message-bytes": ("dead-letters", {"max.message.bytes": "1048576"}, "5242880"),
    "retention": ("poster-renders", {"retention.ms": "3600000", "retention.bytes": "1000000"}, str(7 * DAY)),
    "segment": ("poster-logs", {"segment.ms": str(7 * DAY)}, str(DAY)),
}
"""By row: a topic, settings that somebody gave it, and a value that is wanted."""


def kafka_version() -> str:
    """Return the version of the broker of the tests."""
    return next(_find_jars().glob("kafka-clients-*.jar")).stem.removeprefix("kafka-clients-")


def new_topic(topic: Topic, settings: Mapping[str, str] | None = None, partitions: int | None = None) -> NewTopic:
    """Return a topic as the contract has it, but for these settings."""
    return NewTopic(
        topic.name,
        num_partitions=partitions or topic.partitions,
        replication_factor=1,
        config=topic.configuration() | dict(settings or {}),
    )


def by_name(name: str) -> Topic:
    """Return a topic of the contract."""
    return next(topic for topic in TOPICS if topic.name == name)


def test_wrong_settings_are_found_and_repaired(empty_broker: str, kafka: KafkaServer) -> None:
    """Doctor names topic, setting, value, wanted value and why; setup repairs all; then nothing is wrong."""
    changed = {topic: settings for topic, settings, _ in WRONG.values()}
    kafka.make_topics(new_topic(topic, changed.get(topic.name)) for topic in TOPICS)
    admin = TopicAdmin(Settings(brokers=empty_broker))
    found = admin.examine()
    report = admin.setup()
    while (after := admin.examine()).problems:
        """A broker applies what it has accepted a moment later."""

    for key, (topic, settings, wanted) in WRONG.items():
        for name, value in settings.items():
            [sentence] = [each for each in found.problems if each.startswith(f"topic {topic}: {name} is ")]
            assert f"is {value}, " in sentence
            assert "is wanted: " in sentence
            assert "posters setup" in sentence
            assert any(each.startswith(f"{topic}: {name}=") for each in report.repaired)
        assert any(wanted in each for each in found.problems), key
    assert len(found.problems) == len(report.repaired) == sum(len(settings) for settings in changed.values())
    assert report.problems == after.problems == found.warnings == after.warnings == []
    for key in WRONG:
        tried(key, f"Kafka {kafka_version()}")


def test_settings_that_do_are_left_alone() -> None:
    """More than is wanted is no problem, nor is a setting that the broker does not list."""
    topic = by_name("poster-requests")
    more = {
        "message.timestamp.type": "LogAppendTime",
        "cleanup.policy": " delete ",
        "max.message.bytes": "10000000",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "segment.ms": "1000",
    }
    assert wrong_settings(topic, more) == []
    assert wrong_settings(topic, {"retention.ms": None, "segment.bytes": "1"}) == []
    assert wrong_settings(by_name("template-catalog"), {"cleanup.policy": "compact", "retention.ms": "1"}) == []
    compacted = {"cleanup.policy": "delete,compact"}
    assert wrong_settings(by_name("job-cancellations"), compacted) == []
    assert [each.wanted for each in wrong_settings(by_name("template-catalog"), compacted)] == ["compact"]


async def test_fewer_partitions_are_a_warning(empty_broker: str, kafka: KafkaServer, empty_database: str) -> None:
    """Setup goes on, says so, and doctor counts it as no problem."""
    kafka.make_topics(new_topic(topic, partitions=1) for topic in TOPICS)
    settings = Settings(brokers=empty_broker, database_url=empty_database, storage_url="file:///tmp")
    said = [sentence async for sentence in set_up(settings)]
    found = await asyncio.to_thread(TopicAdmin(settings).examine)

    assert found.problems == []
    fewer = [topic.name for topic in TOPICS if topic.partitions > 1]
    assert [warning.split()[1] for warning in found.warnings] == fewer
    assert [line for line in said if line.startswith("warning: ")] == [f"warning: {each}" for each in found.warnings]
    assert said[-1].startswith("storage: ")


@pytest.mark.whole
@pytest.mark.parametrize(("key", "partitions"), [("fewer-partitions", 1), ("more-partitions", 15)])
def test_posters_are_made_with_any_number_of_partitions(
    kafka: KafkaServer, postgres: PostgresServer, run_system: RunSystem, key: str, partitions: int
) -> None:
    """Nothing depends on the number; the worker's log names those that have fewer."""
    kafka.clear()
    kafka.make_topics(new_topic(topic, partitions=partitions) for topic in TOPICS)
    name = f"partitions_{uuid4().hex[:8]}"
    postgres.create(name)
    with run_system(kafka.address, postgres.url(name)) as system:
        assert system.command("setup").returncode == 0
        system.start_worker()
        make_poster(system)
        assert (f"has {partitions} partitions" in system.log.read_text()) == (key == "fewer-partitions")
    postgres.drop(name)
    tried(key, f"Kafka {kafka_version()}")


@pytest.fixture
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KafkaServer, str]]:
    """A broker with access control: its owner's side, and the address where a user without rights to alter connects."""
    port = free_port()
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
            'org.apache.kafka.common.security.plain.PlainLoginModule required user_team="secret";'
        ),
    }
    directory = tmp_path_factory.mktemp("guarded")
    with KafkaServer(directory, listeners={"SASL_PLAINTEXT": port}, settings=settings) as server:
        yield server, f"127.0.0.1:{port}"


@pytest.mark.whole
def test_what_may_not_be_repaired_is_named(guarded: tuple[KafkaServer, str]) -> None:
    """A user who may only read settings is told each one, the wanted value, the reason and the command."""
    server, address = guarded
    server.make_topics(
        new_topic(topic, {"retention.ms": "1000"} if topic.name == "poster-renders" else None) for topic in TOPICS
    )
    settings = Settings(
        brokers=address,
        broker_security="sasl_plaintext",
        broker_sasl="PLAIN",
        broker_username="team",
        broker_password="secret",
    )
    admin, owner = TopicAdmin(settings), server.admin()
    allow(owner, AclOperation.DESCRIBE)
    while admin.missing(topic.name for topic in TOPICS):
        """A broker applies a right that it has accepted a moment later."""
    blind = admin.examine()
    allow(owner, AclOperation.DESCRIBE_CONFIGS)
    while admin.examine().warnings:
        """Likewise."""
    report = admin.setup()
    for removed in owner.delete_topics(["poster-logs"]).values():
        removed.result()
    while not admin.missing(["poster-logs"]):
        """Likewise."""
    with pytest.raises(OperationError, match=r"poster-logs could not be created.*right to create topics"):
        TopicAdmin(settings).setup()

    assert blind.problems == []
    assert "could not be read" in blind.warnings[0]
    [problem] = report.problems
    assert "poster-renders: retention.ms is 1000" in problem
    assert "does not let us change it" in problem
    assert "kafka-configs.sh --alter" in problem
    tried("no-alter", f"Kafka {kafka_version()}")


def allow(admin: AdminClient, operation: AclOperation) -> None:
    """Let the user do this with every topic."""
    binding = AclBinding(
        ResourceType.TOPIC, "*", ResourcePatternType.LITERAL, "User:team", "*", operation, AclPermissionType.ALLOW
    )
    for done in admin.create_acls([binding]).values():
        done.result()
