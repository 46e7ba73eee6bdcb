"""Replay and drop dead letters, each once, and resume roles that paused over too many of them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from agents.postgres import Connection
from agents.settings import Settings
from posters.operations.audit import audit_record, operator
from posters.operations.database import connected
from posters.operations.dead_letters import Conditions, DeadLetter, fetch_claim, read, replay_record
from posters.operations.kafka_client import KafkaClient
from posters.operations.replay import replay_topic
from streams.delivery import Record
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("dead_letter_actions.sql"))
AUDIT_JOB: Final = "dead-letters"
"""Stands for the job in the audit trail."""
CHUNK_SIZE: Final = 100
"""How many letters are acted on and recorded together."""


class PausedRole(NamedTuple):
    """A role that is paused because of too many dead letters: why, and the build that wrote them."""

    role: str
    reason: str
    build: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """How many letters an action took, and how many more meet the conditions."""

    count: int
    remaining: int


class DeadLetterActions:
    """The record of what was done with dead letters, in Postgres."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def pending(self, letters: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Return those of the letters that were neither replayed nor dropped."""
        done = {tuple(row) for row in await self._connection.fetch(SQL["done"])}
        return [letter for letter in letters if letter.identity not in done]

    async def record(self, letters: Iterable[DeadLetter], action: str) -> None:
        """Record what was done with the letters, and by whom."""
        rows = [(*letter.identity, action, operator()) for letter in letters]
        await self._connection.executemany(SQL["record"], rows)

    async def generation(self, letter: DeadLetter) -> int:
        """Return the highest generation recorded of the posters that a letter requests, -1 where there is none."""
        if letter.job_id is None:
            return -1
        first, last = letter.indexes[0], letter.indexes[-1]
        generation: int = await self._connection.fetchval(SQL["generation"], letter.job_id, first, last)
        return generation

    async def resume(self, roles: Sequence[str] | None) -> list[str]:
        """Resume these roles (None: all) and return which of them were paused."""
        return [row["role"] for row in await self._connection.fetch(SQL["resume"], roles)]

    async def paused(self) -> list[PausedRole]:
        """Return every role that is paused."""
        return [PausedRole(*row) for row in await self._connection.fetch(SQL["paused"])]


Action = Callable[[DeadLetterActions, Sequence[DeadLetter]], Coroutine[Any, Any, None]]


async def find(
    settings: Settings, conditions: Conditions, *, include_done: bool
) -> tuple[list[DeadLetter], list[PausedRole]]:
    """Return the dead letters that meet every condition, and the roles that are paused.

    Letters that were replayed or dropped only with `include_done`. Raises UnavailableError, OperationError.
    """
    letters = await asyncio.to_thread(read, settings, conditions)
    async with _exclusive(settings) as actions:
        return letters if include_done else await actions.pending(letters), await actions.paused()


async def replay(settings: Settings, conditions: Conditions, most: int, now: datetime) -> Acted:
    """Send up to `most` dead letters back to their topics in a new generation. Raises UnavailableError, OperationError.

    A letter that was replayed or dropped before is left alone.
    """
    client = KafkaClient(settings)

    async def send_back(actions: DeadLetterActions, letters: Sequence[DeadLetter]) -> None:
        records: list[Record] = []
        for each in letters:
            letter = await fetch_claim(settings, each)
            records.append(replay_record(letter, await actions.generation(letter), replay_topic(settings)))
        await asyncio.to_thread(client.publish, records)
        await actions.record(letters, "replayed")

    return await _act(settings, conditions, most, "replayed", send_back, now)


async def drop(settings: Settings, conditions: Conditions, most: int, now: datetime) -> Acted:
    """Mark up to `most` dead letters as done with; they stay on the topic. Raises UnavailableError, OperationError."""

    async def mark(actions: DeadLetterActions, letters: Sequence[DeadLetter]) -> None:
        await actions.record(letters, "dropped")

    return await _act(settings, conditions, most, "dropped", mark, now)


async def resume(settings: Settings, roles: Sequence[str], now: datetime) -> list[str]:
    """Resume these roles (none: all) and return which were paused. Raises UnavailableError, OperationError."""
    async with _exclusive(settings) as actions:
        resumed = await actions.resume(roles or None)
    for role in resumed:
        _audit(settings, "role_resumed", f"{role} was resumed after too many dead letters", now, role=role)
    return resumed


async def _act(
    settings: Settings, conditions: Conditions, most: int, done: str, action: Action, now: datetime
) -> Acted:
    async with _exclusive(settings) as actions:
        letters = await actions.pending(await asyncio.to_thread(read, settings, conditions))
        chosen = letters[:most]
        for start in range(0, len(chosen), CHUNK_SIZE):
            await action(actions, chosen[start : start + CHUNK_SIZE])
    count = len(chosen)
    if count:
        where = [f"{name}={value}" for name, value in conditions]
        message = f"{count} dead letters {done}"
        _audit(settings, f"dead_letters_{done}", message, now, count=count, where=where)
    return Acted(count=count, remaining=len(letters) - count)


@asynccontextmanager
async def _exclusive(settings: Settings) -> AsyncIterator[DeadLetterActions]:
    """Give the actions to one operator at a time: two replays of one selection must not send it twice."""
    # The lock is that of a transaction on a connection of its own: what is recorded meanwhile is committed at once.
    async with connected(settings) as locking, locking.transaction(), connected(settings) as connection:
        await locking.execute(SQL["lock"])
        yield DeadLetterActions(connection)


def _audit(settings: Settings, code: str, message: str, now: datetime, **details: object) -> None:
    KafkaClient(settings).publish([audit_record(AUDIT_JOB, code, message, details, now)])
