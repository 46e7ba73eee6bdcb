"""Asks the broker which rights the user of this process has, and returns those that are missing."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient

from agents.settings import Settings
from posters.operations.broker.rights import IMPLIED_BY, Kind, Right, prefixed
from posters.operations.broker.topics import TopicAdmin
from streams.broker_access import librdkafka_options
from streams.errors import UnavailableError
from streams.settings import StreamSettings

TIMEOUT_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.2
"""Between two questions to a coordinator that is still loading its groups."""
_REFUSALS: Final = frozenset({KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED})
_LOADING: Final = frozenset(
    {KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR}
)

Granted = Mapping[tuple[Kind, str], frozenset[str] | None]
"""The operations that the user may carry out on a topic or group; None where the broker does not say."""


def missing_rights(settings: Settings, rights: Iterable[Right]) -> list[Right]:
    """Return which of these rights the user of the settings lacks. Raises UnavailableError."""
    if TopicAdmin(settings).is_embedded():
        return []
    return GrantedRights(settings).missing(prefixed(rights, settings.topic_prefix))


def refusal_sentences(missing: Iterable[Right], settings: Settings) -> list[str]:
    """Return a sentence for each right that is missing."""
    user = "this user" if settings.broker_username is None else f"user {settings.broker_username}"
    hint = "`posters setup --acls kafka` (or `rpk`) prints the commands that grant it"
    return [f"the broker does not give {user} the right {right}; {hint}" for right in missing]


class GrantedRights:
    """The rights of the user of these settings, as the broker sees them."""

    def __init__(self, settings: StreamSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._brokers = settings.brokers
        self._client = AdminClient({**librdkafka_options(settings), "socket.timeout.ms": 10_000, "log_level": 0})
        self._clock = clock

    def missing(self, rights: Iterable[Right]) -> list[Right]:
        """Return which of these rights the user lacks, in their order.

        A broker that does not tell counts as one that grants, and so does a topic that does not exist. Raises
        UnavailableError.
        """
        wanted = list(dict.fromkeys(rights))
        topics = sorted({right.name for right in wanted if right.kind == "topic"})
        groups = sorted({right.name for right in wanted if right.kind == "group"})
        granted: Granted = {**dict(self._of_topics(topics)), **dict(self._of_groups(groups))}
        return [right for right in wanted if not _allows(granted[right.kind, right.name], right)]

    def _of_topics(self, names: Sequence[str]) -> Iterator[tuple[tuple[Kind, str], frozenset[str] | None]]:
        if names:
            asked = self._client.describe_topics(
                TopicCollection(list(names)), include_authorized_operations=True, request_timeout=TIMEOUT_SECONDS
            )
            for name, future in asked.items():
                yield ("topic", name), self._operations(future)

    def _of_groups(self, names: Sequence[str]) -> Iterator[tuple[tuple[Kind, str], frozenset[str] | None]]:
        """Yield the operations of each group. A coordinator that has just started is asked again."""
        left, deadline = list(names), self._clock() + TIMEOUT_SECONDS
        while left:
            asked = self._client.describe_consumer_groups(
                left, include_authorized_operations=True, request_timeout=TIMEOUT_SECONDS
            )
            left = []
            for name, future in asked.items():
                if _is_loading(future) and self._clock() < deadline:
                    left.append(name)
                else:
                    yield ("group", name), self._operations(future)
            if left:
                time.sleep(POLL_SECONDS)

    def _operations(self, future: "Future[Any]") -> frozenset[str] | None:
        try:
            operations: Sequence[AclOperation] | None = future.result().authorized_operations
        except KafkaException as error:
            reason = error.args[0]
            if reason.code() in _REFUSALS:
                return frozenset()
            if reason.code() in (KafkaError._TRANSPORT, KafkaError._TIMED_OUT, KafkaError._ALL_BROKERS_DOWN):
                raise UnavailableError(f"no broker answers at {self._brokers}: {reason.str()}") from error
            return None
        return None if operations is None else frozenset(_camel(each.name) for each in operations)


def _allows(operations: frozenset[str] | None, right: Right) -> bool:
    if operations is None:
        return True
    return bool(operations & {right.operation, "All", *IMPLIED_BY.get(right.operation, ())})


def _is_loading(future: "Future[Any]") -> bool:
    error = future.exception()
    return isinstance(error, KafkaException) and error.args[0].code() in _LOADING


def _camel(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))
