"""The rights that each kind of user needs at the broker, and nothing more; derived from `streams/topics.py`.

Brokers derive `Describe` from `Read` and `Write`, and `DescribeConfigs` from `AlterConfigs`. An idempotent producer
needs `Write` on any topic. Nothing here is transactional.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final, Literal, cast

from schemas.topics import own_topic
from streams.topics import (
    EDGES,
    OPERATOR_READS,
    OPERATOR_WRITES,
    SITE_CONSUMES,
    SITE_WRITES,
    TOPICS,
    Role,
    source_topics,
)

Operation = Literal["Read", "Write", "Create", "Describe", "DescribeConfigs", "AlterConfigs"]
Kind = Literal["topic", "group"]

IMPLIED_BY: Final[dict[Operation, frozenset[str]]] = {
    "Describe": frozenset({"Read", "Write"}),
    "DescribeConfigs": frozenset({"AlterConfigs"}),
}


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """An operation that a user may carry out on a topic or a consumer group."""

    operation: Operation
    kind: Kind
    name: str

    def __str__(self) -> str:
        return f"`{self.operation}` on {self.kind} {self.name}"


def rights_of(users: Iterable[str], sites: Iterable[str], sources: Collection[str] = ()) -> list[Right]:
    """Return what these roles, `operator`, `setup` and sites need together, each right once.

    `sources` have topics of their own.
    """
    needed: list[Right] = []
    for user in users:
        match user:
            case "operator":
                needed += operator_rights(sources)
            case "setup":
                needed += setup_rights(sources)
            case role:
                needed += role_rights(cast("Role", role), sources)
    for site in sites:
        needed += site_rights(site, has_own_topics=site in sources)
    return list(dict.fromkeys(needed))


def prefixed(rights: Iterable[Right], prefix: str) -> list[Right]:
    """Return the rights under the broker's names: POSTERS_TOPIC_PREFIX is that of topics and groups."""
    return [replace(right, name=prefix + right.name) for right in rights]


def role_rights(role: Role, sources: Collection[str] = ()) -> list[Right]:
    """Return what a worker of the role needs. Compacted topics are read without a group."""
    edges = EDGES[role]
    forwards = role == "intake" and sources
    return [
        *_on_topics("Read", (topic.name for topic in source_topics(sources) if forwards)),
        *_on_topics("Write", SITE_WRITES if forwards else ()),
        *_on_topics("Read", (*edges.consumes, *edges.reads_compacted)),
        *_on_topics("Write", edges.writes),
        # The id of a role's consumer group is its name.
        Right("Read", "group", role),
    ]


def site_rights(site: str, *, has_own_topics: bool = False) -> list[Right]:
    """Return what a site needs that uses `django_posters` under this name."""
    writes = [own_topic(topic, site) for topic in SITE_WRITES] if has_own_topics else SITE_WRITES
    return [
        *_on_topics("Read", SITE_CONSUMES),
        *_on_topics("Write", writes),
        Right("Read", "group", f"django-{site}"),
    ]


def operator_rights(sources: Collection[str] = ()) -> list[Right]:
    """Return what the commands need, except `setup` and `worker`. They commit no offsets, so they need no group."""
    own = [topic.name for topic in source_topics(sources)]
    writes = (*OPERATOR_WRITES, *own)
    covered = {*OPERATOR_READS, *writes}
    every = [*(topic.name for topic in TOPICS), *own]
    return [
        *_on_topics("Read", OPERATOR_READS),
        *_on_topics("Write", writes),
        # `posters doctor` compares the settings of every topic.
        *_on_topics("Describe", (name for name in every if name not in covered)),
        *_on_topics("DescribeConfigs", every),
    ]


def setup_rights(sources: Collection[str] = ()) -> list[Right]:
    """Return what `posters setup` needs to create topics and to repair their settings."""
    every = [topic.name for topic in (*TOPICS, *source_topics(sources))]
    operations: tuple[Operation, ...] = ("Create", "Describe", "AlterConfigs")
    return [right for operation in operations for right in _on_topics(operation, every)]


def _on_topics(operation: Operation, topics: Iterable[str]) -> list[Right]:
    return [Right(operation, "topic", name) for name in dict.fromkeys(topics)]
