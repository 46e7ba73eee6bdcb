"""Which right a consumer lacks, from the errors of aiokafka: such an error is permanent, and retrying hides it."""

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


def _topics_of(error: TopicAuthorizationFailedError) -> str:
    """Return the topics that the error names: aiokafka gives one, or a set of them."""
    named = error.args[0] if error.args else "(not named)"
    return named if isinstance(named, str) else ", ".join(sorted(named))
