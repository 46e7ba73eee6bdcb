"""Which right a consumer lacks, from the errors of aiokafka: such an error is permanent, and retrying hides it."""

from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import GroupAuthorizationFailedError, TopicAuthorizationFailedError

from streams.errors import AuthorizationError


def read_refusal(error: BaseException | None, group: str | None = None) -> AuthorizationError | None:
    """Return the right that `error` or one of its causes says is missing, or None where it is of another kind."""
    while error is not None:
        if isinstance(error, GroupAuthorizationFailedError):
            return AuthorizationError("Read", f"group {group}")
        if isinstance(error, TopicAuthorizationFailedError):
            return AuthorizationError("Read", f"topic {_topics_of(error)}")
        error = error.__cause__ or error.__context__
    return None


async def require_visible(consumer: AIOKafkaConsumer, topic: str) -> None:
    """Raise TopicAuthorizationFailedError where this user may not see a topic that is assigned to the consumer.

    Brokers do not list such a topic; only who asks for it by its name learns why.
    """
    client = consumer._client
    await client.force_metadata_update()
    if topic in client.cluster.unauthorized_topics:
        raise TopicAuthorizationFailedError(topic)


def _topics_of(error: TopicAuthorizationFailedError) -> str:
    """Return the topics that the error names: aiokafka gives one, a partition of it, or a set of them."""
    given: Any = error.args[0] if error.args else "(not named)"
    named = getattr(given, "topic", given)
    return named if isinstance(named, str) else ", ".join(sorted(named))
