"""`posters dead-letters`: what an operator does with records that were set aside."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table

from agents.settings import Settings, read_settings
from agents.storage.claims import StoredClaims
from agents.storage.open_store import object_store
from agents.storage.port import StorageRefusedError
from posters.main import CommandError
from posters.operations.audit import audit_record
from posters.operations.dead_letters import (
    Actions,
    DeadLetter,
    Where,
    actions,
    in_chunks,
    job_of,
    now,
    operator,
    read,
    replay_record,
    with_claim,
)
from posters.operations.kafka_client import KafkaClient
from streams.delivery import Record
from streams.topics import ROLES

C = TypeVar("C", bound=Callable[..., Any])
Conditions = Sequence[tuple[str, str]]

NAME = "dead-letters"
_where = click.option(
    "--where",
    multiple=True,
    type=Where(),
    help="only those of which this holds, as in reason=invalid_request; repeat it to say more",
)
_max = click.option("--max", "most", type=click.IntRange(min=1), required=True, help="act on so many at most")


@click.group(NAME)
def dead_letters() -> None:
    """List, show, replay and drop records that were set aside, and resume a role that paused over them."""


@dead_letters.command("list")
@_where
@click.option("--max", "most", type=click.IntRange(min=1), default=50, show_default=True, help="show so many at most")
@click.option("--done", is_flag=True, help="also those that were replayed or dropped")
def list_(where: Conditions, most: int, *, done: bool) -> None:
    """List dead letters, oldest first."""
    letters, blown = asyncio.run(_found(read_settings(), where, done))
    table = Table("where", "role", "reason", "key", "bytes", "when", "error", box=None)
    for letter in letters[:most]:
        size = "in storage" if letter.claim else str(len(letter.value or b""))
        place = f"{letter.topic}/{letter.partition}/{letter.offset}"
        table.add_row(place, letter.role, letter.reason, letter.text("key")[:40], size, letter.time[:19], letter.error)
    Console(soft_wrap=True).print(table)
    click.echo(f"{min(most, len(letters))} of {len(letters)}")
    for role, reason, build in blown:
        click.echo(f"{role} is paused (build {build}): {reason}")


@dead_letters.command()
@_where
def show(where: Conditions) -> None:
    """Show everything about the first dead letter that meets the conditions."""
    settings = read_settings()
    letters = read(settings, where)
    if not letters:
        raise CommandError("there is no such dead letter; see: posters dead-letters list")
    letter = letters[0]
    for name in ("role", "topic", "partition", "offset", "reason", "error", "time", "key", "claim"):
        click.echo(f"{name}: {letter.text(name)}")
    letter = asyncio.run(_whole(settings, letter))
    for name, value in letter.headers:
        click.echo(f"header {name}: {value!r}")
    body = letter.value
    click.echo(f"value: {'none' if body is None else body.decode('utf-8', 'backslashreplace')}")


@dead_letters.command()
@_where
@_max
def replay(where: Conditions, most: int) -> None:
    """Send dead letters back to the topics they came from, in a new generation; each once."""
    asyncio.run(_replay(read_settings(), where, most))


@dead_letters.command()
@_where
@_max
def drop(where: Conditions, most: int) -> None:
    """Say that dead letters are done with. They stay on the topic until it forgets them."""
    asyncio.run(_drop(read_settings(), where, most))


@dead_letters.command()
@_where
def resume(where: Conditions) -> None:
    """Let roles go on that paused over too many dead letters; --where role=… for one of them."""
    roles = [value for name, value in where if name == "role"]
    if len(roles) < len(where) or not set(roles) <= set(ROLES):
        raise CommandError(f"resume knows only role=…, one of {', '.join(ROLES)}")
    asyncio.run(_resume(read_settings(), roles))


async def _found(
    settings: Settings, where: Conditions, done: bool
) -> tuple[list[DeadLetter], list[tuple[str, str, str]]]:
    letters = await asyncio.to_thread(read, settings, where)
    async with actions(settings) as acting:
        return letters if done else await acting.undone(letters), await acting.blown()


async def _replay(settings: Settings, where: Conditions, most: int) -> None:
    client = KafkaClient(settings)

    async def send_back(acting: Actions, letters: Sequence[DeadLetter]) -> None:
        records: list[Record] = []
        for each in letters:
            letter = await _whole(settings, each)
            job = job_of(letter)
            known = -1 if job is None else await acting.generation(job)
            records.append(replay_record(letter, known))
        await asyncio.to_thread(client.publish, records)
        await acting.note(letters, "replayed")

    await _act(settings, where, most, "replayed", send_back)


async def _drop(settings: Settings, where: Conditions, most: int) -> None:
    async def forget(acting: Actions, letters: Sequence[DeadLetter]) -> None:
        await acting.note(letters, "dropped")

    await _act(settings, where, most, "dropped", forget)


async def _act(
    settings: Settings,
    where: Conditions,
    most: int,
    done: str,
    action: Callable[[Actions, Sequence[DeadLetter]], Coroutine[Any, Any, None]],
) -> None:
    async with actions(settings) as acting:
        letters = await acting.undone(await asyncio.to_thread(read, settings, where))
        for chunk in in_chunks(letters[:most]):
            await action(acting, chunk)
    count = min(most, len(letters))
    if count:
        _audit(settings, f"dead_letters_{done}", f"{count} dead letters {done}", count=count, where=_shown(where))
    click.echo(f"{done} {count}, {len(letters) - count} more meet the conditions")


async def _resume(settings: Settings, roles: Sequence[str]) -> None:
    async with actions(settings) as acting:
        resumed = await acting.resume(roles or None)
    for role in resumed:
        _audit(settings, "role_resumed", f"{role} was resumed after too many dead letters", role=role)
    click.echo(f"resumed {', '.join(resumed)}" if resumed else "no role was paused")


async def _whole(settings: Settings, letter: DeadLetter) -> DeadLetter:
    if letter.claim is None:
        return letter
    claims = StoredClaims(lambda: object_store(settings.storage_url))
    try:
        return with_claim(letter, await claims.fetch(letter.claim))
    except StorageRefusedError as error:
        raise CommandError(f"what this dead letter claims is not in storage: {error}") from error
    finally:
        await claims.close()


def _audit(settings: Settings, code: str, message: str, **details: object) -> None:
    who = operator()
    KafkaClient(settings).publish([audit_record(NAME, code, f"{message} by {who}", {**details, "by": who}, now())])


def _shown(where: Conditions) -> list[str]:
    return [f"{name}={value}" for name, value in where]
