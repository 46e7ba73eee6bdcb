"""`posters setup`: topics, tables and storage."""

import asyncio
from pathlib import Path
from typing import Final

import asyncpg
import click

from agents.settings import Settings, read_settings
from agents.storage.open_store import object_store
from agents.storage.port import StorageRefusedError
from posters.main import CommandError
from posters.operations.jobs import connected
from posters.operations.migrations import MigrationError, migrate
from posters.operations.topics import TopicAdmin

GRANTS: Final = Path(__file__).parents[1] / "operations" / "grants.sql"


@click.command()
@click.option("--grants", is_flag=True, help="also make the database roles posters_intake, posters_render and so on")
def setup(*, grants: bool) -> None:
    """Make topics, tables and storage ready. Safe to repeat, and to run by many at once."""
    asyncio.run(set_up(read_settings(), grants=grants))


async def set_up(settings: Settings, *, grants: bool = False) -> None:
    """Do what `posters setup` does. Raises CommandError, UnavailableError."""
    _topics(settings)
    await _tables(settings)
    if grants:
        await grant(settings)
    await _storage(settings)


def _topics(settings: Settings) -> None:
    report = TopicAdmin(settings).setup()
    if report.auto_created:
        click.echo("topics: this broker has no admin interface and creates topics when they are first named")
    elif report.made:
        click.echo(f"topics: made {', '.join(report.made)}")
    else:
        click.echo("topics: all there")
    if report.problems:
        raise CommandError("\n".join(report.problems))


async def _tables(settings: Settings) -> None:
    try:
        applied = await migrate(settings.database_url)
    except MigrationError as error:
        raise CommandError(str(error)) from error
    click.echo(f"tables: applied {', '.join(applied)}" if applied else "tables: up to date")


async def grant(settings: Settings) -> None:
    """Make the database roles and give them their rights. Raises CommandError, UnavailableError."""
    async with connected(settings) as connection:
        try:
            async with connection.transaction():
                await connection.execute(GRANTS.read_text(encoding="utf-8"))
        except asyncpg.InsufficientPrivilegeError as error:
            raise CommandError(f"this user may not make roles: {error}; use the owner of the tables") from error
    click.echo(
        "roles: posters_intake, posters_render, posters_retry, posters_templates, posters_sink, posters_operator"
    )


async def _storage(settings: Settings) -> None:
    store = object_store(settings.storage_url)
    await store.open()
    try:
        await store.check()
    except StorageRefusedError as error:
        raise CommandError(str(error)) from error
    finally:
        await store.close()
    click.echo(f"storage: {settings.storage_url} takes objects")
