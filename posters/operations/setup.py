"""Set up the infrastructure: topics, tables, database roles and storage. Every step is idempotent."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import asyncpg

from agents.settings import Settings
from agents.storage.open_store import object_store
from agents.storage.port import StorageRefusedError
from posters.operations.broker.topics import TopicAdmin
from posters.operations.database import connected
from posters.operations.errors import OperationError
from posters.operations.migrations import migrate

GRANTS: Final = Path(__file__).with_name("grants.sql")


async def set_up(settings: Settings, *, grants: bool = False) -> AsyncIterator[str]:
    """Set up every part, and yield a sentence for each. Raises OperationError, UnavailableError."""
    report = await asyncio.to_thread(TopicAdmin(settings).setup)
    for repaired in report.repaired:
        yield f"topics: repaired {repaired}"
    for warning in report.warnings:
        yield f"warning: {warning}"
    if report.auto_created:
        yield "topics: this broker has no admin interface and creates topics when they are first named"
    elif report.created:
        yield f"topics: made {', '.join(report.created)}"
    else:
        yield "topics: all there"
    if report.problems:
        raise OperationError("\n".join(report.problems))
    applied = await migrate(settings.database_url)
    yield f"tables: applied {', '.join(applied)}" if applied else "tables: up to date"
    if grants:
        await grant(settings)
        yield "roles: posters_intake, posters_render, posters_retry, posters_templates, posters_sink, posters_operator"
    await check_storage(settings)
    yield f"storage: {settings.storage_url} takes objects"


async def grant(settings: Settings) -> None:
    """Create the database roles and grant them their rights. Raises OperationError, UnavailableError."""
    async with connected(settings) as connection:
        try:
            async with connection.transaction():
                await connection.execute(GRANTS.read_text(encoding="utf-8"))
        except asyncpg.InsufficientPrivilegeError as error:
            raise OperationError(f"this user may not make roles: {error}; use the owner of the tables") from error


async def check_storage(settings: Settings) -> None:
    """Write and read a probe object. Raises OperationError where the storage refuses it, UnavailableError."""
    store = object_store(settings.storage_url)
    await store.open()
    try:
        await store.check()
    except StorageRefusedError as error:
        raise OperationError(str(error)) from error
    finally:
        await store.close()
