"""What the templates role states of a version: the answer to a command, and the catalog's copy."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from agents.events import template_answer_id
from agents.templates.store import StoredVersion
from schemas import topics
from schemas.envelope import Envelope, fact_id
from schemas.templates import (
    TemplateCommand,
    TemplateDescribed,
    TemplateError,
    TemplateRejected,
    TemplateUploaded,
    TemplateVersion,
)
from streams.delivery import Headers, Record
from streams.records import event_record

V = TypeVar("V", bound=TemplateVersion)


def answer(kind: type[V], version: StoredVersion, command: TemplateCommand, now: datetime) -> V:
    """Return the answer of class `kind` that describes `version`. The same command has the same answer's id."""
    extra: dict[str, Any] = {"html_content": version.html_content} if kind is TemplateDescribed else {}
    return kind(event_id=template_answer_id(kind, command.event_id), **_fields(version, command, now), **extra)


def rejected(command: TemplateCommand, errors: Sequence[TemplateError], now: datetime) -> TemplateRejected:
    """Return the answer to a command that was refused."""
    return TemplateRejected(
        event_id=template_answer_id(TemplateRejected, command.event_id),
        occurred_at=now,
        source=command.source,
        command_id=command.event_id,
        section=command.section,
        errors=list(errors),
    )


def answer_record(event: Envelope, section: str, headers: Headers) -> Record:
    """Return the record of an answer."""
    return event_record(topics.TEMPLATE_EVENTS, section, event, headers)


def catalog_records(
    versions: Iterable[StoredVersion], command: TemplateCommand, now: datetime, headers: Headers
) -> Iterator[Record]:
    """Yield the catalog's new state of the versions that a command touched."""
    for version in versions:
        event = TemplateUploaded(
            event_id=_catalog_id(version.template_id, command.event_id), **_fields(version, command, now)
        )
        yield event_record(topics.TEMPLATE_CATALOG, f"{version.section}@{version.version}", event, headers)


def _catalog_id(template_id: UUID, command_id: UUID) -> UUID:
    return fact_id("template-catalog", template_id, command_id)


def _fields(version: StoredVersion, command: TemplateCommand, now: datetime) -> dict[str, Any]:
    return {
        "occurred_at": now,
        "source": command.source,
        "command_id": command.event_id,
        "section": version.section,
        "template_id": version.template_id,
        "name": version.name,
        "template_version": version.version,
        "is_active": version.is_active,
        "html_sha256": version.html_sha256,
        "width": version.width,
        "height": version.height,
        "output": version.output,
        "javascript": version.javascript,
        "placeholders": version.placeholders,
        "warnings": version.warnings,
        "active_from": version.activations[-1] if version.activations else None,
        "activations": version.activations,
        "archived_at": version.archived_at,
    }
