"""Whose a section is, and what others may do with it."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from agents.postgres import Connection
from agents.templates.commands import execute
from agents.templates.received_command import CommandRejectedError, ReceivedCommand
from agents.templates.store import TemplateStore
from renderer.language.check import Checked
from schemas.codec import decode
from schemas.templates import (
    TemplateActivate,
    TemplateArchive,
    TemplateGet,
    TemplatePreview,
    TemplateUpdate,
    TemplateUpload,
    TemplateUploaded,
)
from schemas.topics import TEMPLATE_CATALOG
from streams.delivery import Record

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Checker:
    """Accepts any HTML."""

    async def check(self, _html: str, _declared: Any) -> Checked:
        """Return a template without placeholders."""
        return Checked(placeholders=[], warnings=[])


@pytest.fixture
async def connection(database: str) -> AsyncIterator[Connection]:
    """A connection to an empty database."""
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def send(connection: Connection, command: Any, shared: frozenset[str] = frozenset()) -> list[Record]:
    """Execute a command in a transaction, as the role does."""
    received = ReceivedCommand(command=command, at=NOW, now=NOW, headers=())
    async with connection.transaction():
        return await execute(received, TemplateStore(connection), Checker(), shared)


def stamp(source: str | None) -> dict[str, Any]:
    """Return what every event carries."""
    return {"event_id": uuid4(), "occurred_at": NOW, "source": source, "section": "cards"}


def upload(source: str | None, **fields: Any) -> TemplateUpload:
    """Return an upload to the section, of HTML that no other has."""
    return TemplateUpload(**stamp(source), name="cards", html_content=f"<p>{uuid4()}</p>", **fields)


def commands(source: str | None) -> list[Any]:
    """Return every command that changes a section."""
    return [
        upload(source),
        TemplateUpdate(**stamp(source), template_id="cards@1", width=7),
        TemplateActivate(**stamp(source), template_id="cards@1"),
        TemplateArchive(**stamp(source), template_id="cards@1"),
    ]


def reading(source: str | None) -> list[Any]:
    """Return the commands that change nothing."""
    return [
        TemplateGet(**stamp(source), template_id="cards@1"),
        TemplatePreview(**stamp(source), template_id="cards@1"),
        TemplatePreview(**stamp(source), html_content="<p>x</p>"),
    ]


async def refused(connection: Connection, asked: list[Any], shared: frozenset[str] = frozenset()) -> list[str]:
    """Return the codes with which commands are rejected; an accepted one has none."""
    codes: list[str] = []
    for command in asked:
        try:
            await send(connection, command, shared)
        except CommandRejectedError as error:
            codes += [each.code for each in error.errors]
    return codes


@pytest.mark.parametrize("owner", ["shop", None, ""])
async def test_a_section_belongs_to_the_source_that_uploads_first(connection: Connection, owner: str | None) -> None:
    """Others may read it, and change nothing; no source is one of the others."""
    await send(connection, upload(owner))
    for other in {"shop", "evil", None, ""} - {owner}:
        assert await refused(connection, commands(other)) == ["source_mismatch"] * 4
        assert await refused(connection, reading(other)) == []
    versions = await connection.fetchval("SELECT count(*) FROM templates")

    assert versions == 1
    assert await refused(connection, [*commands(owner), *reading(owner)]) == []


async def test_an_upload_that_fails_owns_nothing(connection: Connection) -> None:
    """The section is still free for the first source that uploads a template."""
    with pytest.raises(CommandRejectedError):
        await send(connection, TemplateUpload(**stamp("evil"), name="", html_content="<p></p>"))

    assert await refused(connection, commands("shop")) == []


async def test_sections_from_before_are_everybodys(connection: Connection) -> None:
    """Until an operator assigns them; nobody can make them private."""
    await send(connection, upload("shop"))
    await connection.execute("DELETE FROM template_sections")

    assert await refused(connection, [*commands("evil"), *commands(None)]) == []
    assert await refused(connection, [upload("evil", private=True)]) == ["source_mismatch"]


async def test_a_section_is_shared_on_purpose(connection: Connection) -> None:
    """By a field of its owner's upload, or by the setting of the workers; sharing it is the owner's choice."""
    await send(connection, upload("shop"))
    by_setting = await refused(connection, commands("evil"), frozenset({"cards"}))
    by_star = await refused(connection, commands("evil"), frozenset({"*"}))
    by_other_setting = await refused(connection, commands("evil"), frozenset({"posters"}))
    await send(connection, upload("shop", shared=True))
    by_field = await refused(connection, commands("evil"))
    taken_over = await refused(connection, [upload("evil", shared=False), upload("evil", private=True)])
    await send(connection, upload("shop", shared=False))

    assert (by_setting, by_star, by_field) == ([], [], [])
    assert by_other_setting == ["source_mismatch"] * 4
    assert taken_over == ["source_mismatch"] * 2
    assert await refused(connection, commands("evil")) == ["source_mismatch"] * 4


async def test_a_private_section_is_read_by_its_owner_alone(connection: Connection) -> None:
    """All its versions say so on the catalog, where intake reads it, and say when it ends."""
    await send(connection, upload("shop"))
    records = await send(connection, upload("shop", private=True))
    again = await send(connection, upload("shop"))
    hidden = await refused(connection, reading("evil"))
    opened = await send(connection, upload("shop", private=False))

    def privacy(published: list[Record]) -> dict[int, tuple[str | None, bool]]:
        events = [decode(record.value, TemplateUploaded) for record in published if record.topic == TEMPLATE_CATALOG]
        return {event.template_version: (event.owner, event.private) for event in events}

    assert privacy(records) == {1: ("shop", True), 2: ("shop", True)}
    assert privacy(again) == {3: ("shop", True)}
    assert privacy(opened) == dict.fromkeys((1, 2, 3, 4), ("shop", False))
    assert hidden == ["source_mismatch"] * 3
