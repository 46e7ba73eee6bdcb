"""Creates and checks the topics of the contract at the broker."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from agents.settings import Settings
from streams.broker_access import librdkafka_options
from streams.errors import UnavailableError
from streams.topics import TOPICS, Topic

TIMEOUT_SECONDS: Final = 10.0
REPLICATION_FACTOR: Final = 3
"""Replicas of a topic where there are brokers enough; two must have a record before it is acknowledged."""
BROKER_DEFAULT: Final = -1

EMBEDDED_CLUSTER: Final = "mockCluster"
"""Cluster id of librdkafka's mock cluster; it has no admin interface, and creates topics when they are first named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicReport:
    """The topics created now, and a sentence for each topic that is not as it should be."""

    created: list[str]
    problems: list[str]
    auto_created: bool = False


class TopicAdmin:
    """The broker's topics, seen through its admin interface."""

    def __init__(self, settings: Settings) -> None:
        self._brokers = settings.brokers
        self._replication = settings.replication
        self._is_embedded = False
        self._broker_count = 0
        self._client = AdminClient({**librdkafka_options(settings), "socket.timeout.ms": 10_000, "log_level": 0})

    def setup(self) -> TopicReport:
        """Create the missing topics and report which of the others have too few partitions.

        Raises UnavailableError where no broker answers. An embedded broker has no admin interface: there each topic is
        named once, which makes the broker create it.
        """
        existing = self._existing()
        missing = [topic for topic in TOPICS if topic.name not in existing]
        if self._is_embedded:
            for topic in missing:
                self._client.list_topics(topic.name, timeout=TIMEOUT_SECONDS)
            return TopicReport(created=[topic.name for topic in missing], problems=[], auto_created=True)
        self._create(missing)
        return TopicReport(created=[topic.name for topic in missing], problems=self._problems(existing))

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return which of these topics do not exist. Raises UnavailableError where no broker answers."""
        return sorted(set(names) - self._existing().keys())

    def check(self) -> list[str]:
        """Return a sentence for every topic that is missing or has too few partitions. Raises UnavailableError."""
        existing = self._existing()
        missing = [
            f"topic {topic.name} does not exist; run `posters setup`" for topic in TOPICS if topic.name not in existing
        ]
        return missing if self._is_embedded else missing + self._problems(existing)

    def _existing(self) -> dict[str, int]:
        try:
            metadata = self._client.list_topics(timeout=TIMEOUT_SECONDS)
        except KafkaException as error:
            raise UnavailableError(f"no broker answers at {self._brokers}: {error.args[0].str()}") from error
        self._is_embedded = str(metadata.cluster_id).startswith(EMBEDDED_CLUSTER)
        self._broker_count = len(metadata.brokers)
        return {name: len(topic.partitions) for name, topic in metadata.topics.items()}

    def _create(self, missing: list[Topic]) -> None:
        if not missing:
            return
        replicas = self._replication or (
            REPLICATION_FACTOR if self._broker_count >= REPLICATION_FACTOR else BROKER_DEFAULT
        )
        in_sync = {"min.insync.replicas": "2"} if replicas >= REPLICATION_FACTOR else {}
        new = [
            NewTopic(topic.name, topic.partitions, replicas, config=topic.configuration() | in_sync)
            for topic in missing
        ]
        for name, future in self._client.create_topics(new, request_timeout=TIMEOUT_SECONDS).items():
            try:
                future.result()
            except KafkaException as error:
                if error.args[0].name() != "TOPIC_ALREADY_EXISTS":
                    raise UnavailableError(f"topic {name} could not be created: {error.args[0].str()}") from error

    @staticmethod
    def _problems(existing: dict[str, int]) -> list[str]:
        return [
            f"topic {topic.name} has {existing[topic.name]} partitions, {topic.partitions} are wanted; "
            f"raise it with: rpk topic add-partitions {topic.name} -n {topic.partitions - existing[topic.name]}, or "
            f"kafka-topics.sh --alter --topic {topic.name} --partitions {topic.partitions}"
            for topic in TOPICS
            if topic.name in existing and existing[topic.name] < topic.partitions
        ]
