"""Dead letters as an operator sees them: found, chosen, and what became of each."""

import getpass
import socket
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import click
import orjson

from agents.settings import Settings
from posters.operations.jobs import connected
from posters.operations.kafka_client import KafkaClient, headers_of
from schemas import topics
from streams.dead_letters import unpacked
from streams.delivery import Headers, Record
from streams.replay import generation_of, replayed
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("dead_letters.sql"))
_PREFIX: Final = "dlq."
_BEGIN: Final = "dlq.topic"
_CLAIMS: Final = ("dlq.claim", "dlq.claimed")
_LARGEST: Final = {"partition": 2**31 - 1, "offset": 2**63 - 1, "timestamp": 2**63 - 1}

Place = tuple[str, str, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """A record that a role set aside: where it came from, why, and its original key, value and headers.

    `claim` names the value in storage where it was too large for the topic, or the whole record where `claimed` says
    so; `timestamp` is in milliseconds.
    """

    role: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    reason: str
    error: str
    time: str
    claim: str | None
    claimed: str | None
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def place(self) -> Place:
        """What names the letter: two of one record have the same."""
        return self.role, self.topic, self.partition, self.offset, self.timestamp

    def text(self, name: str) -> str:
        """Return a field as `--where` compares it."""
        value = getattr(self, name)
        return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


FIELDS: Final = ("role", "topic", "partition", "offset", "reason", "key")


class Where(click.ParamType):
    """`name=value`, where the name is that of a field of a dead letter."""

    name = "condition"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return name and value."""
        name, equals, wanted = str(value).partition("=")
        if not equals or name not in FIELDS:
            self.fail(f"`{value}` is no condition; write {', '.join(f'{field}=…' for field in FIELDS)}", param, ctx)
        return name, wanted


def read(settings: Settings, where: Iterable[tuple[str, str]]) -> list[DeadLetter]:
    """Return the dead letters that meet every condition, oldest first, each record's once. Raises UnavailableError."""
    found: dict[Place, DeadLetter] = {}
    with KafkaClient(settings).following(topics.DEAD_LETTERS, from_beginning=True) as records:
        for message in records.present():
            letter = parse(message.key(), message.value(), headers_of(message))
            if letter is not None and all(letter.text(name) == wanted for name, wanted in where):
                found.setdefault(letter.place, letter)
    return list(found.values())


def parse(key: bytes | None, value: bytes | None, headers: Headers) -> DeadLetter | None:
    """Return the dead letter that a record of the topic is, or None where it has no provenance."""
    # Ours were added last; the original record may have had some before, and a claim of its own is none.
    begin = max((place for place, (name, _) in enumerate(headers) if name == _BEGIN), default=0)
    ours = {
        name.removeprefix(_PREFIX): value.decode("utf-8", "replace").replace("\0", "\ufffd")
        for place, (name, value) in enumerate(headers)
        if name.startswith(_PREFIX) and value is not None and (place >= begin or name not in _CLAIMS)
    }
    try:
        numbers = {name: int(ours[name]) for name in _LARGEST}
        texts = {name: ours[name] for name in ("role", "topic", "reason", "error", "time")}
    except (KeyError, ValueError):
        return None
    if not all(-_LARGEST[name] - 1 <= number <= _LARGEST[name] for name, number in numbers.items()):
        return None
    original = tuple((name, said) for name, said in headers if not name.startswith(_PREFIX))
    claims = {name: ours.get(name) for name in ("claim", "claimed")}
    return DeadLetter(**numbers, **texts, **claims, key=key, value=value, headers=original)  # type: ignore[arg-type]


def with_claim(letter: DeadLetter, content: bytes) -> DeadLetter:
    """Return the letter with what its claim had kept."""
    if letter.claimed != "record":
        return replace(letter, value=content)
    key, value, headers = unpacked(content)
    return replace(letter, key=key, value=value, headers=headers)


def replay_record(letter: DeadLetter, known_generation: int) -> Record:
    """Return the record that sends a dead letter back to its topic, in a new generation.

    `known_generation` is the highest that is recorded of its job, -1 for none. A request says its generation in a
    header, so that its bytes stay; a pinned poster says it in its value.
    """
    value, generation = letter.value, max(generation_of(letter.headers), known_generation) + 1
    if value is not None and letter.topic not in (topics.POSTER_REQUESTS, topics.TEMPLATE_COMMANDS):
        value = _raised(value)
    headers = replayed(letter.headers, generation, "/".join(str(part) for part in letter.place[1:4]))
    return Record(topic=letter.topic, key=letter.key, value=value, headers=headers)


def _raised(value: bytes) -> bytes:
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        return value
    if not isinstance(body, dict) or body.get("type") != "poster.pinned" or not isinstance(body.get("generation"), int):
        return value
    return orjson.dumps({**body, "generation": body["generation"] + 1})


def operator() -> str:
    """Return who acts, for the log: `user@host`."""
    return f"{getpass.getuser()}@{socket.gethostname()}"


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


class Actions:
    """What was done with dead letters, in Postgres; one operator at a time."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def undone(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Return those of the letters that were neither replayed nor dropped."""
        done = {tuple(row) for row in await self._connection.fetch(SQL["done"])}
        return [letter for letter in letters if letter.place not in done]

    async def note(self, letters: Iterable[DeadLetter], action: str) -> None:
        """Note what was done with the letters."""
        await self._connection.executemany(SQL["note"], [(*letter.place, action, operator()) for letter in letters])

    async def generation(self, job_id: str) -> int:
        """Return the highest generation recorded of a job's posters, -1 where there is none."""
        generation: int = await self._connection.fetchval(SQL["generation"], job_id)
        return generation

    async def resume(self, roles: Sequence[str] | None) -> list[str]:
        """Mend the fuses of these roles (None: of all) and return which had blown."""
        return [row["role"] for row in await self._connection.fetch(SQL["resume"], roles)]

    async def blown(self) -> list[tuple[str, str, str]]:
        """Return role, reason and build of every fuse that has blown."""
        return [tuple(row) for row in await self._connection.fetch(SQL["blown"])]


@asynccontextmanager
async def actions(settings: Settings) -> AsyncIterator[Actions]:
    """Give the actions, to this process alone. Raises UnavailableError where the database is away."""
    async with connected(settings) as connection:
        await connection.execute(SQL["alone"])
        yield Actions(connection)


def job_of(letter: DeadLetter) -> str | None:
    """Return the job of a dead letter, as far as its key says it."""
    if letter.topic != topics.POSTER_REQUESTS or letter.key is None:
        return None
    return letter.key.decode("utf-8", "replace")


def in_chunks(letters: Sequence[DeadLetter], size: int = 100) -> Iterator[Sequence[DeadLetter]]:
    """Yield the letters in runs that are acted on and noted together."""
    for start in range(0, len(letters), size):
        yield letters[start : start + size]
