"""Events of the templates role: the answer to a command, and the catalog's record of each version that it changed."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from agents.events import catalog_id, template_answer_id
from agents.templates.received_command import ReceivedCommand
from agents.templates.store import StoredVersion
from schemas import topics
from schemas.envelope import Envelope
from schemas.templates import (
    TemplateDescribed,
    TemplateError,
    TemplateRejected,
    TemplateUploaded,
    TemplateVersion,
)
from streams.delivery import Record
from streams.records import event_record

V = TypeVar("V", bound=TemplateVersion)


def answer(kind: type[V], version: StoredVersion, received: ReceivedCommand) -> V:
    """Return the answer of class `kind` that describes `version`. Its id follows from the command's."""
    extra: dict[str, Any] = {"html_content": version.html_content} if kind is TemplateDescribed else {}
    event_id = template_answer_id(kind, received.command.event_id)
    return kind(event_id=event_id, **_fields(version, received), **extra)


def rejected(received: ReceivedCommand, errors: Sequence[TemplateError]) -> TemplateRejected:
    """Return the answer to a command that is rejected."""
    command = received.command
    return TemplateRejected(
        event_id=template_answer_id(TemplateRejected, received.command.event_id),
        occurred_at=received.now,
        source=command.source,
        command_id=command.event_id,
        section=command.section,
        errors=list(errors),
    )


def answer_record(event: Envelope, received: ReceivedCommand) -> Record:
    """Return the record of an answer."""
    return event_record(topics.TEMPLATE_EVENTS, received.command.section, event, received.headers)


def catalog_records(versions: Iterable[StoredVersion], received: ReceivedCommand) -> Iterator[Record]:
    """Yield the catalog's new records of the versions that a command changed."""
    for version in versions:
        event_id = catalog_id(version.template_id, received.command.event_id)
        event = TemplateUploaded(event_id=event_id, **_fields(version, received))
        yield event_record(topics.TEMPLATE_CATALOG, f"{version.section}@{version.version}", event, received.headers)


def _fields(version: StoredVersion, received: ReceivedCommand) -> dict[str, Any]:
    return {
        "occurred_at": received.now,
        "source": received.command.source,
        "command_id": received.command.event_id,
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
        "owner": version.owner,
        "shared": version.is_shared,
        "private": version.is_private,
    }
