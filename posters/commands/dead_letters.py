"""`posters dead-letters`: list, show, replay and drop dead letters; resume roles."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import click

from agents.settings import read_settings
from posters.commands.terminal import say, say_rows
from posters.main import CommandError
from posters.operations import dead_letter_actions
from posters.operations.dead_letters import FIELDS, Conditions, fetch_claim, read
from streams.topics import ROLES

COLUMNS = ("role", "record", "key", "reason", "bytes", "time", "error")


class Condition(click.ParamType):
    """`field=value`, where the field is one of a dead letter."""

    name = "condition"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Return field and value."""
        field, equals, expected = str(value).partition("=")
        if not equals or field not in FIELDS:
            self.fail(f"`{value}` is no condition; write {', '.join(f'{name}=…' for name in FIELDS)}", param, ctx)
        return field, expected


_where = click.option(
    "--where",
    multiple=True,
    type=Condition(),
    help=f"only letters with this value, such as reason=invalid_request; repeatable; fields: {', '.join(FIELDS)}",
)
_max = click.option("--max", "most", type=click.IntRange(min=1), required=True, help="act on at most this many letters")


@click.group("dead-letters")
def dead_letters() -> None:
    """List, show, replay and drop dead letters; resume paused roles.

    A dead letter is a record that a role could not use, stored unchanged.
    """


@dead_letters.command("list")
@_where
@click.option("--max", "most", type=click.IntRange(min=1), default=50, show_default=True, help="show at most this many")
@click.option("--done", is_flag=True, help="include letters that were replayed or dropped")
def list_(where: Conditions, most: int, *, done: bool) -> None:
    """List dead letters, oldest first.

    Into a file or a pipe each letter is a line, its columns separated by tabs: role, topic/partition/offset, key,
    reason, bytes, time, error. Nothing is truncated; control characters are escaped.
    """
    letters, paused = asyncio.run(dead_letter_actions.find(read_settings(), where, include_done=done))
    say_rows(
        COLUMNS,
        (
            (
                letter.role,
                f"{letter.topic}/{letter.partition}/{letter.offset}",
                letter.text("key"),
                letter.reason,
                "in storage" if letter.claim else str(len(letter.value or b"")),
                letter.time[:19],
                letter.error,
            )
            for letter in letters[:most]
        ),
    )
    say(f"{min(most, len(letters))} of {len(letters)}")
    for role in paused:
        say(f"{role.role} is paused (build {role.build}): {role.reason}")


@dead_letters.command()
@_where
def show(where: Conditions) -> None:
    """Show one dead letter in full: the oldest that meets the conditions."""
    settings = read_settings()
    letters = read(settings, where)
    if not letters:
        raise CommandError("there is no such dead letter; see: posters dead-letters list")
    letter = letters[0]
    for name in ("role", "topic", "partition", "offset", "reason", "error", "time", "key", "claim"):
        say(f"{name}: {letter.text(name)}")
    letter = asyncio.run(fetch_claim(settings, letter))
    for name, value in letter.headers:
        say(f"header {name}: {value!r}")
    body = letter.value
    say(f"value: {'none' if body is None else body.decode('utf-8', 'backslashreplace')}", multiline=True)


@dead_letters.command()
@_where
@_max
def replay(where: Conditions, most: int) -> None:
    """Send dead letters back to their topics.

    Each is sent once, in a new generation, so that its outcome replaces the recorded one.
    """
    acted = asyncio.run(dead_letter_actions.replay(read_settings(), where, most, datetime.now(UTC)))
    say(f"replayed {acted.count}, {acted.remaining} more meet the conditions")


@dead_letters.command()
@_where
@_max
def drop(where: Conditions, most: int) -> None:
    """Mark dead letters as done with.

    They are no longer listed or replayed, and stay on their topic until its retention ends.
    """
    acted = asyncio.run(dead_letter_actions.drop(read_settings(), where, most, datetime.now(UTC)))
    say(f"dropped {acted.count}, {acted.remaining} more meet the conditions")


@dead_letters.command()
@click.option("--where", multiple=True, type=Condition(), help="role=…, to resume only this role; repeatable")
def resume(where: Conditions) -> None:
    """Resume paused roles, or one: --where role=…

    A role pauses after too many dead letters in a row. Repair the cause first.
    """
    roles = [value for name, value in where if name == "role"]
    if len(roles) < len(where) or not set(roles) <= set(ROLES):
        raise CommandError(f"resume knows only role=…, one of {', '.join(ROLES)}")
    resumed = asyncio.run(dead_letter_actions.resume(read_settings(), roles, datetime.now(UTC)))
    say(f"resumed {', '.join(resumed)}" if resumed else "no role was paused")
