"""Assign a section to a source: one from before there were owners, or one that is handed over."""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import uuid4

from agents.ownership import named
from agents.settings import Settings
from posters.operations.audit import audit_record
from posters.operations.database import connected
from posters.operations.errors import OperationError
from posters.operations.kafka_client import KafkaClient
from posters.operations.templates import TemplateClient
from schemas import topics
from schemas.limits import SOURCE_MAX_CHARACTERS
from schemas.templates import TemplateUploaded
from streams.records import event_headers, event_record
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("sections.sql"))
AUDIT_JOB: Final = "templates"
"""Stands for the job in the audit trail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owned:
    """Whose the section was before, None where it was everybody's, and how many versions it has."""

    before: str | None
    versions: int


async def own_section(settings: Settings, section: str, source: str, *, now: datetime) -> Owned:
    """Make a section belong to a source; idempotent. Raises UnavailableError, OperationError."""
    if not source or "\0" in source or len(source) > SOURCE_MAX_CHARACTERS:
        raise OperationError(f"a source has 1 to {SOURCE_MAX_CHARACTERS} characters")
    async with connected(settings) as connection, connection.transaction():
        before = await connection.fetchrow(SQL["before"], section)
        if before is None:
            raise OperationError(f"there is no section `{section}`")
        await connection.execute(SQL["own"], section, source)
    versions = await asyncio.to_thread(_publish, settings, section, source, now)
    return Owned(before=named(before["source"]) if before["is_owned"] else None, versions=versions)


def _publish(settings: Settings, section: str, source: str, now: datetime) -> int:
    """Tell intake whose the section is: publish the catalog's records of its versions again."""
    versions = [
        replace(each, event_id=uuid4(), occurred_at=now, owner=source, shared=False, private=False)
        for each in TemplateClient(settings, 0).catalog()
        if each.section == section and isinstance(each, TemplateUploaded)
    ]
    records = [
        event_record(topics.TEMPLATE_CATALOG, f"{section}@{each.template_version}", each, event_headers())
        for each in versions
    ]
    details = {"section": section, "source": source}
    audit = audit_record(AUDIT_JOB, "section_owned", f"section {section} belongs to {source}", details, now)
    KafkaClient(settings).publish([*records, audit])
    return len(versions)
