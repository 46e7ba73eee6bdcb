"""What the tests of the poster renderer share: pinned posters, templates at hand, a store in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from agents.digest import input_digest
from agents.render.template_sources import TemplateSource
from agents.storage.port import ObjectMetadata, StoredObject
from renderer.language.template import Template
from schemas.output import Output, resolve_output
from schemas.renders import PosterPinned

VERSION = UUID("00000000-0000-4000-8000-000000000001")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def pinned(
    html: str, *, data: dict[str, Any] | None = None, output: Output | None = None, **fields: Any
) -> PosterPinned:
    """Return a poster of a template with this HTML."""
    resolved = resolve_output(output or Output(width=200, height=100))
    return PosterPinned(
        **{
            "event_id": VERSION,
            "occurred_at": NOW,
            "requested_at": NOW,
            "job_id": "job",
            "poster_index": 0,
            "entity_id": "1",
            "template_version_id": VERSION,
            "section": "cards",
            "template_version": 1,
            "custom_data": data or {},
            "output": resolved,
            "input_digest": input_digest(html, data or {}, resolved),
            **fields,
        }
    )


@dataclass
class Sources:
    """One template."""

    html: str

    async def get(self, version_id: UUID) -> TemplateSource:
        """Return it, whatever it is called."""
        return TemplateSource(self.html, javascript=False)


class InProcessFiller:
    """Fills templates without a sandbox."""

    async def fill(
        self, key: str, html: str, data: Mapping[str, Any], *, locale: str | None = None, timezone: str | None = None
    ) -> str:
        """Return the document."""
        return Template(html).render(data, locale=locale, timezone=timezone)


@dataclass
class MemoryStore:
    """Objects in memory."""

    kept: dict[str, StoredObject] = field(default_factory=dict)
    puts: int = 0

    async def put(self, key: str, body: bytes, content_type: str, metadata: ObjectMetadata) -> StoredObject:
        """Keep the object unless the key is taken."""
        self.puts += 1
        return self.kept.setdefault(key, StoredObject(key=key, size_bytes=len(body), metadata=metadata))

    async def find(self, key: str) -> StoredObject | None:
        """Return what is kept."""
        return self.kept.get(key)

    def url(self, key: str) -> str:
        """Return an address."""
        return f"memory:{key}"
