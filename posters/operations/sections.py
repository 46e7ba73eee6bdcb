"""Assign a section to a source: one from before there were owners, or one that is handed over."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from agents.ownership import named
from agents.postgres import Connection
from agents.settings import Settings
from agents.templates.answers import catalog_records
from agents.templates.received_command import ReceivedCommand
from agents.templates.store import TemplateStore
from posters.operations.audit import audit_record
from posters.operations.database import connected
from posters.operations.errors import OperationError
from posters.operations.kafka_client import KafkaClient
from posters.operations.templates import TemplateClient
from schemas.limits import SOURCE_MAX_CHARACTERS
from schemas.templates import TemplateGet
from streams.records import event_headers
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("sections.sql"))
AUDIT_JOB: Final = "templates"
"""Stands for the job in the audit trail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """Whose the section was before, None where it was everybody's, and how many versions it has."""

    before: str | None
    versions: int


async def own_section(settings: Settings, section: str, source: str, *, now: datetime, timeout: float) -> Owned:
    """Make a section belong to a source; idempotent. Raises UnavailableError, OperationError.

    The section is locked as the templates role locks it, so a command is executed before or after this, never beside
    it. `timeout` is for the role's answer, in seconds: before the catalog is published, what follows from commands that
    were executed earlier has to be on it, or it would name the former owner again.
    """
    if not source or "\0" in source or len(source) > SOURCE_MAX_CHARACTERS:
        raise OperationError(f"a source has 1 to {SOURCE_MAX_CHARACTERS} characters")
    async with _locked(settings, section) as connection:
        before = await connection.fetchrow(SQL["before"], section)
        if before is None:
            raise OperationError(f"there is no section `{section}`")
        await connection.execute(SQL["own"], section, source)
    try:
        await asyncio.to_thread(TemplateClient(settings, timeout).wait_for_earlier_commands, section, source)
    except OperationError as error:
        raise OperationError(
            f"section `{section}` belongs to {named(source)} for commands, but intake does not know it yet: {error}; "
            "repeat this command while one runs"
        ) from error
    versions = await _publish(settings, section, source, now)
    return Owned(before=named(before["source"]) if before["is_owned"] else None, versions=versions)


@asynccontextmanager
async def _locked(settings: Settings, section: str) -> AsyncIterator[Connection]:
    """Give a transaction in which no template command of the section is executed."""
    async with connected(settings) as connection, connection.transaction():
        await TemplateStore(connection).lock(section)
        yield connection


async def _publish(settings: Settings, section: str, source: str, now: datetime) -> int:
    """Tell intake whose the section is: publish the catalog's records of its versions, as they are stored now."""
    command = TemplateGet(event_id=uuid4(), occurred_at=now, source=source, section=section, template_id=section)
    received = ReceivedCommand(command=command, at=now, now=now, headers=event_headers())
    details = {"section": section, "source": source}
    audit = audit_record(AUDIT_JOB, "section_owned", f"section {section} belongs to {source}", details, now)
    async with _locked(settings, section) as connection:
        versions = await TemplateStore(connection).versions(section)
        # Within the transaction: what the next command publishes comes after it.
        records = [*catalog_records(versions, received), audit]
        await asyncio.to_thread(KafkaClient(settings).publish, records)
    return len(versions)
