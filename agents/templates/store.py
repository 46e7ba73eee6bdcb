"""The `templates` tables: versions, placeholders, activations and drafts. Methods run in the caller's transaction."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import orjson

from agents.postgres import Connection, as_json
from schemas.references import Identified, Latest, Numbered, TemplateReference
from schemas.templates import Placeholder, TemplateWarning
from streams.sql import named_queries

SQL: Final = named_queries(Path(__file__).with_name("store.sql"))
_ONE_TICK: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredVersion:
    """A version of a template as it is stored; `activations` in order."""

    template_id: UUID
    section: str
    name: str
    version: int
    html_content: str
    html_sha256: str
    width: int
    height: int
    output: dict[str, Any]
    javascript: bool
    warnings: list[TemplateWarning]
    placeholders: list[Placeholder]
    is_active: bool
    archived_at: datetime | None
    activations: list[datetime]
    owner: str | None = None
    is_shared: bool = True
    is_private: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Whose a section is. `is_owned` False: it is from before there were owners, and everybody's."""

    is_owned: bool
    source: str | None
    is_shared: bool
    is_private: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NewVersion:
    """The version that an upload or update creates."""

    template_id: UUID
    command_id: UUID
    section: str
    name: str
    html_content: str
    html_sha256: str
    width: int
    height: int
    output: dict[str, Any]
    javascript: bool
    warnings: list[TemplateWarning]
    placeholders: list[Placeholder]


class TemplateStore:
    """Reads and writes template versions on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, section: str) -> None:
        """Lock the section against other commands until the transaction ends."""
        await self._connection.execute(SQL["lock_section"], section)

    async def section(self, section: str) -> Section | None:
        """Return whose the section is, or None where nobody has uploaded to it."""
        row = await self._connection.fetchrow(SQL["section"], section)
        return None if row is None else Section(**row)

    async def save_section(self, section: str, of: Section) -> None:
        """Store a section, or how an existing one is used; its owner stays."""
        await self._connection.execute(SQL["save_section"], section, of.source, of.is_shared, of.is_private)

    async def versions(self, section: str) -> list[StoredVersion]:
        """Return all versions of the section, in order."""
        rows = await self._connection.fetch(SQL["versions"], section)
        return [await self.describe(row["id"]) for row in rows]

    async def find(self, section: str, reference: TemplateReference) -> StoredVersion | None:
        """Return the version of this section that `reference` names, or None."""
        match reference:
            case Identified(version_id):
                found = await self._connection.fetchval(SQL["find_by_id"], section, version_id)
            case Numbered(named, number):
                found = await self._connection.fetchval(SQL["find_by_number"], section, number)
                found = found if named == section else None
            case Latest(named):
                found = await self._connection.fetchval(SQL["find_active"], section)
                found = found if named == section else None
        return None if found is None else await self.describe(found)

    async def find_same(self, section: str, name: str, html_sha256: str) -> StoredVersion | None:
        """Return the newest version of the same section, name and HTML, or None."""
        found = await self._connection.fetchval(SQL["find_same_upload"], section, name, html_sha256)
        return None if found is None else await self.describe(found)

    async def find_created_by(self, command_id: UUID) -> StoredVersion | None:
        """Return the version that this command created, where it was executed before; None otherwise."""
        found = await self._connection.fetchval(SQL["find_by_command"], command_id)
        return None if found is None else await self.describe(found)

    async def insert(self, new: NewVersion) -> StoredVersion:
        """Add the next version of the section."""
        await self._connection.execute(
            SQL["insert_version"],
            new.template_id,
            new.section,
            new.name,
            new.html_content,
            new.html_sha256,
            new.width,
            new.height,
            as_json(new.output),
            new.javascript,
            as_json(new.warnings),
            new.command_id,
        )
        await self._connection.executemany(
            SQL["insert_placeholder"],
            [_placeholder_row(new.template_id, position, item) for position, item in enumerate(new.placeholders)],
        )
        return await self.describe(new.template_id)

    async def activate(self, version: StoredVersion, at: datetime) -> list[StoredVersion]:
        """Make this version the section's active one from `at` on, and return every version that changed.

        Idempotent: a command that was executed before (there is an activation within its broker's millisecond) changes
        nothing, even where another version has become active since.
        """
        if any(at <= activation < at + _ONE_TICK for activation in version.activations):
            return [version]
        replaced = await self._connection.fetch(SQL["deactivate_section"], version.section, version.template_id)
        await self._connection.execute(SQL["activate"], version.template_id)
        await self._connection.execute(SQL["insert_activation"], version.section, version.template_id, at)
        changed = [*(row["id"] for row in replaced), version.template_id]
        return [await self.describe(template_id) for template_id in changed]

    async def archive(self, version: StoredVersion, at: datetime) -> StoredVersion:
        """Archive the version for requests after `at`, unless it was activated since."""
        if not any(activation > at for activation in version.activations):
            await self._connection.execute(SQL["archive"], version.template_id, at)
        return await self.describe(version.template_id)

    async def save_draft(self, draft_id: UUID, html_content: str, *, javascript: bool) -> None:
        """Store the HTML of a preview for a day, so that the render role can read it. Deletes older drafts."""
        await self._connection.execute(SQL["delete_old_drafts"])
        await self._connection.execute(SQL["insert_draft"], draft_id, html_content, javascript)

    async def describe(self, template_id: UUID) -> StoredVersion:
        """Return a version that exists."""
        row = await self._connection.fetchrow(SQL["describe"], template_id)
        if row is None:
            raise LookupError(f"template version {template_id} vanished within a transaction")
        return StoredVersion(
            # asyncpg has a UUID class of its own, which no JSON encoder knows.
            template_id=UUID(int=row["id"].int),
            section=row["section"],
            name=row["name"],
            version=row["version"],
            html_content=row["html_content"],
            html_sha256=row["html_sha256"],
            width=row["width"],
            height=row["height"],
            output=orjson.loads(row["output"]),
            javascript=row["javascript"],
            warnings=msgspec.convert(orjson.loads(row["warnings"]), list[TemplateWarning]),
            # Postgres writes a float of jsonb out in full; orjson reads one beyond 64 bits as the float that it was.
            placeholders=msgspec.convert(orjson.loads(row["placeholders"]), list[Placeholder]),
            is_active=row["is_active"],
            archived_at=row["archived_at"],
            activations=list(row["activations"]),
            owner=row["owner"],
            is_shared=row["is_shared"],
            is_private=row["is_private"],
        )


def _placeholder_row(template_id: UUID, position: int, placeholder: Placeholder) -> tuple[Any, ...]:
    return (
        template_id,
        position,
        placeholder.name,
        placeholder.data_type,
        placeholder.required,
        _jsonb(placeholder.default),
        _jsonb(placeholder.sample_value),
        placeholder.description,
        placeholder.exact,
    )


def _jsonb(value: object) -> str | None:
    return None if value is None else as_json(value)
