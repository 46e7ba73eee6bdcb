"""All template versions, read from the compacted `template-catalog`: a request is pinned without asking Postgres."""

import asyncio
import logging
from bisect import bisect_right
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from agents.digest import template_fingerprint
from schemas.codec import ContractError, decode
from schemas.output import Output, OutputError, parse_output, resolve_output
from schemas.placeholders import PlaceholderSet
from schemas.references import Identified, Latest, Numbered, TemplateReference
from schemas.templates import TemplateUploaded

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogVersion:
    """One template version, ready to check requests against."""

    template_id: UUID
    section: str
    version: int
    fingerprint: str
    placeholders: PlaceholderSet
    output: Output
    size: Output
    resolved: Output
    """The output of a request that sets none."""
    activations: tuple[datetime, ...]
    archived_at: datetime | None
    owner: str | None = None
    """The source that the section belongs to; of use where it is private."""
    is_private: bool = False

    def is_usable(self, at: datetime) -> bool:
        """Return whether a request that arrived at this time may use it."""
        return self.archived_at is None or at < self.archived_at


def catalog_version(event: TemplateUploaded) -> CatalogVersion:
    """Return the version that an event of the catalog describes. Raises OutputError where its defaults are invalid."""
    output, size = parse_output(event.output), Output(width=event.width, height=event.height)
    return CatalogVersion(
        template_id=event.template_id,
        section=event.section,
        version=event.template_version,
        fingerprint=template_fingerprint(event.html_sha256, javascript=event.javascript),
        placeholders=PlaceholderSet(event.placeholders),
        output=output,
        size=size,
        resolved=resolve_output(output, size),
        activations=tuple(sorted(event.activations)),
        archived_at=event.archived_at,
        owner=event.owner,
        is_private=event.private,
    )


class Catalog:
    """All template versions; `changed` is set and replaced whenever one is added or changes."""

    def __init__(self) -> None:
        self._by_id: dict[UUID, CatalogVersion] = {}
        self._by_number: dict[tuple[str, int], CatalogVersion] = {}
        self._sections: dict[str, dict[int, CatalogVersion]] = {}
        self.changed = asyncio.Event()
        self.owners: set[str] = set()
        """Sources that a section belongs to, or once belonged to."""

    def on_record(self, key: bytes | None, value: bytes | None) -> None:
        """Apply one record of the topic. A bad one is skipped and logged."""
        try:
            version = catalog_version(decode(value, TemplateUploaded))
        except (ContractError, OutputError) as error:
            logger.warning("skipped the record %r of template-catalog, which is not valid: %s", key, error)
            return
        self._by_id[version.template_id] = version
        if version.owner is not None:
            self.owners.add(version.owner)
        self._by_number[version.section, version.version] = version
        self._sections.setdefault(version.section, {})[version.version] = version
        self.changed.set()
        self.changed = asyncio.Event()

    def find(self, reference: TemplateReference, at: datetime) -> CatalogVersion | None:
        """Return the version that `reference` means in a request of the time `at`, or None.

        `<section>_latest` is the newest activation not after `at`. Where all are after it, as for a producer whose
        clock is slow, it is the section's first activation. Both are the same on every redelivery.
        """
        match reference:
            case Identified(version_id):
                found = self._by_id.get(version_id)
            case Numbered(section, number):
                found = self._by_number.get((section, number))
            case Latest(section):
                found = _active(self._sections.get(section, {}).values(), at)
        return found if found is not None and found.is_usable(at) else None


def _active(versions: Collection[CatalogVersion], at: datetime) -> CatalogVersion | None:
    newest: tuple[datetime, int] | None = None
    active = None
    for version in versions:
        before = bisect_right(version.activations, at)
        if before and (newest is None or (version.activations[before - 1], version.version) > newest):
            newest = (version.activations[before - 1], version.version)
            active = version
    return active or min(
        (version for version in versions if version.activations),
        key=lambda version: (version.activations[0], version.version),
        default=None,
    )
