"""Commands to the templates role that people give in the admin: sent through the outbox, answered in their row."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from . import outbox
from .conf import get_settings
from .contract.codec import ContractError, decode, encode
from .contract.templates import (
    TemplateActivate,
    TemplateArchive,
    TemplateGet,
    TemplatePreview,
)
from .contract.templates import (
    TemplateCommand as Command,
)
from .contract.topics import TEMPLATE_COMMANDS
from .errors import RequestError
from .models import OutboxEvent, PosterTemplate, TemplateCommand
from .plain import plain_object
from .uploads import Upload

PATIENCE_SECONDS = 30
"""After so long without an answer a page says what to check."""


def upload_template(upload: Upload) -> TemplateCommand:
    """Send a template. Raises RequestError where the templates role could only refuse it."""
    return _send(upload.command(get_settings()), html_content=upload.html)


def activate_template(template: PosterTemplate) -> TemplateCommand:
    """Ask that <section>_latest mean this version."""
    return _send(TemplateActivate(section=template.section, template_id=str(template.pk), **_envelope()))


def archive_template(template: PosterTemplate) -> TemplateCommand:
    """Ask that this version be taken out of use."""
    return _send(TemplateArchive(section=template.section, template_id=str(template.pk), **_envelope()))


def describe_template(template: PosterTemplate) -> TemplateCommand:
    """Ask for the HTML of a version that this site did not upload."""
    return _send(TemplateGet(section=template.section, template_id=str(template.pk), **_envelope()))


def preview_template(
    section: str,
    *,
    html: str | None = None,
    template: PosterTemplate | None = None,
    custom_data: Mapping[str, Any] | None = None,
    output: Mapping[str, Any] | None = None,
) -> TemplateCommand:
    """Ask for a picture of HTML that is not saved, or of a version, with this data or else its samples."""
    return _send(
        TemplatePreview(
            section=section,
            template_id=str(template.pk) if template is not None else None,
            html_content=html,
            custom_data=plain_object(custom_data, "custom_data") if custom_data else None,
            output=plain_object(output, "output") if output else None,
            **_envelope(),
        )
    )


def advice(command: TemplateCommand, now: datetime) -> str:
    """Return what to check about a command that is not answered after PATIENCE_SECONDS; empty before."""
    if command.state != TemplateCommand.State.SENT:
        return ""
    if (now - command.created_at).total_seconds() < PATIENCE_SECONDS:
        return ""
    waiting = OutboxEvent.objects.using(outbox.database()).filter(event_id=command.pk).first()
    if waiting is not None and waiting.refused:
        return f"The broker refuses it: {waiting.refused}"
    if waiting is not None:
        return "It is still in the outbox: is `manage.py relay_posters` running, and does it reach the broker?"
    return (
        "The broker has it, but no answer came back: is a worker with the role `templates` running "
        "(and for a preview one with `render`), and is `manage.py consume_posters`?"
    )


def _envelope() -> dict[str, Any]:
    return {"event_id": uuid.uuid4(), "occurred_at": timezone.now(), "source": get_settings().site}


def _send(command: Command, *, html_content: str = "") -> TemplateCommand:
    try:
        decode(encode(command), type(command))
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"the template cannot be sent: {error}") from error
    using = outbox.database()
    with transaction.atomic(using=using):
        row = TemplateCommand.objects.using(using).create(
            command_id=command.event_id,
            kind=command.type,
            section=command.section,
            html_content=html_content,
            created_at=command.occurred_at,
        )
        outbox.add(command, topic=TEMPLATE_COMMANDS, key=command.section)
    return row
