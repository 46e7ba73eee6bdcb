"""Prints rights as the commands that grant them: for Kafka's `kafka-acls.sh`, or Redpanda's `rpk`."""

import re
import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from posters.operations.broker.rights import Kind, Operation, Right, prefixed, rights_of
from streams.topics import ROLES

Tool = Literal["kafka", "rpk"]
_KAFKA: Final = "kafka-acls.sh"
_PREFIX: Final = "posters-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who gets rights: its title as `--principal` takes it, the name that the broker knows it by, and the rights."""

    title: str
    name: str
    rights: Sequence[Right]


def principals(
    sites: Sequence[str], names: Mapping[str, str], sources: Collection[str] = (), prefix: str = ""
) -> list[Principal]:
    """Return every role, `operator`, `setup` and the sites; those of `sources` have topics of their own.

    `names`: title → the broker's name, where it is another. `prefix` is that of topics and groups.
    """
    users = {title: rights_of([title], [], sources) for title in (*ROLES, "operator", "setup")}
    by_title = {**users, **{site: rights_of([], [site], sources) for site in sites}}
    return [
        Principal(
            title=f"site {title}" if title in sites else title,
            name=names.get(title, title if title in sites else f"{_PREFIX}{title}"),
            rights=prefixed(each, prefix),
        )
        for title, each in by_title.items()
    ]


def acl_lines(tool: Tool, granted: Sequence[Principal], brokers: str) -> Iterator[str]:
    """Yield the lines of a shell script that grants the rights."""
    for principal in granted:
        yield f"# {principal.title}"
        for operations, kind, names in _grouped(principal.rights):
            flags = [flag for name in names for flag in (f"--{kind}", name)]
            if tool == "kafka":
                allowed = [flag for operation in operations for flag in ("--operation", operation)]
                head = [_KAFKA, "--bootstrap-server", brokers, "--add", "--allow-principal", f"User:{principal.name}"]
            else:
                allowed = ["--operation", ",".join(_snake(operation) for operation in operations)]
                head = ["rpk", "security", "acl", "create", "--allow-principal", f"User:{principal.name}"]
            yield shlex.join([*head, *allowed, *flags])


def _grouped(rights: Sequence[Right]) -> Iterator[tuple[tuple[Operation, ...], Kind, list[str]]]:
    """Yield the resources that have the same operations together: a command takes several of either."""
    operations: dict[tuple[Kind, str], list[Operation]] = {}
    for right in rights:
        operations.setdefault((right.kind, right.name), []).append(right.operation)
    resources: dict[tuple[tuple[Operation, ...], Kind], list[str]] = {}
    for (kind, name), allowed in operations.items():
        resources.setdefault((tuple(allowed), kind), []).append(name)
    for (allowed_together, kind), names in resources.items():
        yield allowed_together, kind, names


def _snake(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
