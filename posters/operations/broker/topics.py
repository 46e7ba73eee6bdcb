"""Creates and checks the topics of the contract at the broker."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
)

from agents.settings import Settings
from posters.operations.broker.broker_limits import Cluster, replication_problem, session_problem, session_warning
from posters.operations.broker.topic_settings import WrongSetting, wrong_settings
from posters.operations.errors import OperationError
from streams.broker_access import librdkafka_options
from streams.errors import UnavailableError
from streams.topics import TOPICS, Topic, source_topics

TIMEOUT_SECONDS: Final = 10.0
REPLICATION_FACTOR: Final = 3
"""Replicas of a topic where there are brokers enough; two must have a record before it is acknowledged."""
BROKER_DEFAULT: Final = -1

EMBEDDED_CLUSTER: Final = "mockCluster"
"""Cluster id of librdkafka's mock cluster; it has no admin interface, and creates topics when they are first named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicFindings:
    """Sentences on topics that are not as they should be; with what `warnings` name, everything still works."""

    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicReport(TopicFindings):
    """The topics created now, the settings repaired (`topic: name=value`), and what is left."""

    created: list[str]
    repaired: list[str] = field(default_factory=list)
    auto_created: bool = False


def all_topics(settings: Settings) -> tuple[Topic, ...]:
    """Return every topic, those of single sources included."""
    return (*TOPICS, *source_topics(settings.own_topic_sources))


class TopicAdmin:
    """The broker's topics, seen through its admin interface."""

    def __init__(self, settings: Settings) -> None:
        self._brokers = settings.brokers
        self._prefix = settings.topic_prefix
        self._replication = settings.replication
        self._topics = self._named(all_topics(settings))
        self._session_timeout = settings.session_timeout
        self._is_embedded = False
        self._cluster = Cluster()
        self._client = AdminClient({**librdkafka_options(settings), "socket.timeout.ms": 10_000, "log_level": 0})

    def setup(self) -> TopicReport:
        """Create the missing topics, repair the settings of the others, and report what is left.

        Raises UnavailableError where no broker answers, OperationError where it refuses to create a topic. An embedded
        broker has no admin interface: there each topic is named once, which makes the broker create it.
        """
        existing = self._existing()
        missing = [topic for topic in self._topics if topic.name not in existing]
        if self._is_embedded:
            for topic in missing:
                self._client.list_topics(topic.name, timeout=TIMEOUT_SECONDS)
            return TopicReport(created=[topic.name for topic in missing], auto_created=True)
        refused = self._refused_session()
        self._create(missing)
        wrong, unread = self._wrong_settings([topic for topic in self._topics if topic.name in existing])
        repaired, problems = self._repair(wrong)
        return TopicReport(
            created=[topic.name for topic in missing],
            repaired=repaired,
            problems=refused + problems,
            warnings=unread + self._limits() + self._fewer_partitions(existing, self._topics),
        )

    def _named(self, topics: Iterable[Topic]) -> tuple[Topic, ...]:
        """Return the topics under the broker's names."""
        return tuple(replace(topic, name=self._prefix + topic.name) for topic in topics)

    def is_embedded(self) -> bool:
        """Return whether this is librdkafka's mock cluster, which knows no rights. Raises UnavailableError."""
        self._existing()
        return self._is_embedded

    def missing(self, names: Iterable[str]) -> list[str]:
        """Return the broker's names of those that do not exist. Raises UnavailableError where no broker answers."""
        return sorted({self._prefix + name for name in names} - self._existing().keys())

    def examine(self, topics: Sequence[Topic] | None = None) -> TopicFindings:
        """Return what is wrong with the topics, without changing anything. Raises UnavailableError."""
        findings, unread = self._examine(self._topics if topics is None else self._named(topics))
        return TopicFindings(problems=findings.problems, warnings=unread + findings.warnings)

    def check(self, topics: Sequence[Topic] | None = None) -> list[str]:
        """Return a sentence for every topic that is not as it should be; settings that it may not read are skipped.

        Raises UnavailableError.
        """
        findings, _ = self._examine(self._topics if topics is None else self._named(topics))
        return findings.problems + findings.warnings

    def _examine(self, topics: Sequence[Topic]) -> tuple[TopicFindings, list[str]]:
        """Return what is wrong, and a sentence for the settings that could not be read."""
        existing = self._existing()
        hidden = self._hidden([topic.name for topic in topics if topic.name not in existing])
        missing = [
            f"topic {topic.name} does not exist; run `posters setup`"
            for topic in topics
            if topic.name not in existing and topic.name not in hidden
        ]
        if self._is_embedded:
            return TopicFindings(problems=missing), []
        wrong, unread = self._wrong_settings([topic for topic in topics if topic.name in existing])
        problems = [f"{each}; `posters setup` repairs it, or: {_by_hand(each)}" for each in wrong]
        warnings = self._limits() + self._fewer_partitions(existing, topics)
        return TopicFindings(problems=self._refused_session() + missing + problems, warnings=warnings), unread

    def _hidden(self, absent: Sequence[str]) -> set[str]:
        """Return which of the topics that the broker does not list it may have: this user lacks rights on them."""
        if self._is_embedded or not absent:
            return set()
        asked = self._client.describe_topics(TopicCollection(list(absent)), request_timeout=TIMEOUT_SECONDS)
        return {
            name
            for name, future in asked.items()
            if isinstance(error := future.exception(), KafkaException)
            and error.args[0].code() == KafkaError.TOPIC_AUTHORIZATION_FAILED
        }

    def refused_session(self) -> str | None:
        """Return why the broker would let no worker into its group, or None. Raises UnavailableError."""
        self._existing()
        return next(iter(self._refused_session()), None)

    def _refused_session(self) -> list[str]:
        if self._is_embedded:
            return []
        resource = ConfigResource(ResourceType.BROKER, str(self._cluster.a_broker))
        future = self._client.describe_configs([resource], request_timeout=TIMEOUT_SECONDS)[resource]
        if _error_of(future) is not None:  # without the right to see them, the broker itself says it
            return []
        problem = session_problem(self._session_timeout, {name: entry.value for name, entry in future.result().items()})
        return [problem] if problem else []

    def _limits(self) -> list[str]:
        """Return what may be refused, with which everything may work as well."""
        found = (
            session_warning(self._session_timeout, self._cluster),
            replication_problem(self._replication, self._cluster),
        )
        return [sentence for sentence in found if sentence is not None]

    def _wrong_settings(self, topics: Sequence[Topic]) -> tuple[list[WrongSetting], list[str]]:
        """Return the settings that do not do, and a sentence for topics whose settings the broker does not tell us."""
        if not topics:
            return [], []
        by_name = {topic.name: topic for topic in topics}
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in by_name]
        wrong: list[WrongSetting] = []
        unread: dict[str, list[str]] = {}
        for resource, future in self._client.describe_configs(resources, request_timeout=TIMEOUT_SECONDS).items():
            error = _error_of(future)
            if error is None:
                values = {name: entry.value for name, entry in future.result().items()}
                wrong += wrong_settings(by_name[resource.name], values)
            else:
                unread.setdefault(error, []).append(resource.name)
        return wrong, [
            f"the settings of {', '.join(names)} could not be read and were not checked: {error}"
            for error, names in unread.items()
        ]

    def _repair(self, wrong: Sequence[WrongSetting]) -> tuple[list[str], list[str]]:
        """Alter the settings, topic by topic; return what was repaired, and sentences on what the broker refuses."""
        repaired, problems = [], []
        for name in dict.fromkeys(each.topic for each in wrong):
            of_topic = [each for each in wrong if each.topic == name]
            entries = [
                ConfigEntry(each.name, each.wanted, incremental_operation=AlterConfigOpType.SET) for each in of_topic
            ]
            resource = ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
            altered = self._client.incremental_alter_configs([resource], request_timeout=TIMEOUT_SECONDS)
            error = _error_of(altered[resource])
            if error is None:
                repaired += [f"{name}: {each.name}={each.wanted}" for each in of_topic]
            else:
                problems += [
                    f"{each}; the broker does not let us change it ({error}): {_by_hand(each)}" for each in of_topic
                ]
        return repaired, problems

    def _existing(self) -> dict[str, int]:
        try:
            metadata = self._client.list_topics(timeout=TIMEOUT_SECONDS)
        except KafkaException as error:
            raise UnavailableError(f"no broker answers at {self._brokers}: {error.args[0].str()}") from error
        self._is_embedded = str(metadata.cluster_id).startswith(EMBEDDED_CLUSTER)
        self._cluster = Cluster(
            id=str(metadata.cluster_id), brokers=len(metadata.brokers), a_broker=min(metadata.brokers, default=0)
        )
        return {name: len(topic.partitions) for name, topic in metadata.topics.items()}

    def _create(self, missing: list[Topic]) -> None:
        if not missing:
            return
        if problem := replication_problem(self._replication, self._cluster):
            raise OperationError(problem)
        replicas = self._replication or (
            REPLICATION_FACTOR if self._cluster.brokers >= REPLICATION_FACTOR else BROKER_DEFAULT
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
                if error.args[0].name() not in ("TOPIC_ALREADY_EXISTS", "NO_ERROR"):
                    raise _creation_error(name, error) from error

    @staticmethod
    def _fewer_partitions(existing: dict[str, int], topics: Sequence[Topic]) -> list[str]:
        return [
            f"topic {topic.name} has {existing[topic.name]} partitions, {topic.partitions} are wanted: as many "
            f"processes can share its work; raise it with: rpk topic add-partitions {topic.name} "
            f"-n {topic.partitions - existing[topic.name]}, or "
            f"kafka-topics.sh --alter --topic {topic.name} --partitions {topic.partitions}"
            for topic in topics
            if topic.name in existing and existing[topic.name] < topic.partitions
        ]


def _by_hand(wrong: WrongSetting) -> str:
    # Brackets hold the commas of a value together.
    value = f"[{wrong.wanted}]" if "," in wrong.wanted else wrong.wanted
    return (
        f"kafka-configs.sh --alter --entity-type topics --entity-name {wrong.topic} --add-config {wrong.name}={value}"
    )


def _error_of(future: "Future[Any]") -> str | None:
    try:
        future.result()
    except KafkaException as error:
        return str(error.args[0].str())
    return None


def _creation_error(name: str, error: KafkaException) -> Exception:
    reason = error.args[0]
    if reason.retriable() or reason.name().startswith("_"):  # librdkafka's own: no answer
        return UnavailableError(f"topic {name} could not be created: {reason.str()}")
    hint = {
        "INVALID_REPLICATION_FACTOR": "set POSTERS_REPLICATION to the copies that the cluster can hold",
        "TOPIC_AUTHORIZATION_FAILED": (
            "give this user the right to create topics, or create it yourself; if it exists, the right to describe it"
        ),
        "CLUSTER_AUTHORIZATION_FAILED": "give this user the right to create topics, or create them yourself",
    }.get(reason.name(), "create it yourself, or lift the limit of the cluster that refuses it")
    return OperationError(f"topic {name} could not be created: {reason.str()}; {hint}")
