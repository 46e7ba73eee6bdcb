"""Commands to the templates role through the outbox; `consume_posters` writes each answer into the command's row."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from django_posters.conf import get_settings
from django_posters.contract.codec import ContractError, decode, encode
from django_posters.contract.templates import TemplateActivate, TemplateArchive, TemplateGet, TemplatePreview
from django_posters.contract.templates import TemplateCommand as Command
from django_posters.contract.topics import TEMPLATE_COMMANDS
from django_posters.database import database_alias
from django_posters.errors import RequestError
from django_posters.models import OutboxEvent, PosterTemplate, TemplateCommand
from django_posters.outbox.store import add_event
from django_posters.serialization import plain_object

from .upload import Upload

ANSWER_SECONDS: Final = 30
"""After this time without an answer the page names what to check."""


def upload_template(upload: Upload) -> TemplateCommand:
    """Upload a template. Raises RequestError where the templates role would reject it."""
    return _send(upload.command(get_settings()), html_content=upload.html)


def activate_template(template: PosterTemplate) -> TemplateCommand:
    """Make this version the section's latest."""
    return _send(TemplateActivate(section=template.section, template_id=str(template.pk), **_envelope()))


def archive_template(template: PosterTemplate) -> TemplateCommand:
    """Archive this version, so that no request can name it."""
    return _send(TemplateArchive(section=template.section, template_id=str(template.pk), **_envelope()))


def describe_template(template: PosterTemplate) -> TemplateCommand:
    """Request the HTML of a version that this site did not upload."""
    return _send(TemplateGet(section=template.section, template_id=str(template.pk), **_envelope()))


def preview_template(
    section: str,
    *,
    html: str | None = None,
    template: PosterTemplate | None = None,
    custom_data: Mapping[str, Any] | None = None,
    output: Mapping[str, Any] | None = None,
    javascript: bool = False,
) -> TemplateCommand:
    """Request an image of unsaved HTML or of a version, rendered with `custom_data` or else with its sample values."""
    return _send(
        TemplatePreview(
            section=section,
            template_id=str(template.pk) if template is not None else None,
            html_content=html,
            custom_data=plain_object(custom_data, "custom_data") if custom_data else None,
            output=plain_object(output, "output") if output else None,
            javascript=javascript,
            **_envelope(),
        ),
        template=template,
    )


def advice(command: TemplateCommand, now: datetime) -> str:
    """Return what to check about a command without an answer after ANSWER_SECONDS; empty before."""
    if command.state != TemplateCommand.State.SENT:
        return ""
    if (now - command.created_at).total_seconds() < ANSWER_SECONDS:
        return ""
    return advice_now(command)


def advice_now(command: TemplateCommand) -> str:
    """Return what to check about a command without an answer, however young it is."""
    pending = OutboxEvent.objects.using(database_alias()).filter(event_id=command.pk).first()
    if pending is not None and pending.refused:
        return gettext("The broker refuses it: %(reason)s") % {"reason": pending.refused}
    if pending is not None:
        return gettext("It is still in the outbox: is `manage.py relay_posters` running, and does it reach the broker?")
    return gettext(
        "The broker has it, but no answer came back: is a worker with the role `templates` running "
        "(and for a preview one with `render`), and is `manage.py consume_posters`?"
    )


def _envelope() -> dict[str, Any]:
    return {"event_id": uuid.uuid4(), "occurred_at": timezone.now(), "source": get_settings().site}


def _send(command: Command, *, html_content: str = "", template: PosterTemplate | None = None) -> TemplateCommand:
    try:
        decode(encode(command), type(command))
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"the template cannot be sent: {error}") from error
    using = database_alias()
    with transaction.atomic(using=using):
        row = TemplateCommand.objects.using(using).create(
            command_id=command.event_id,
            kind=command.type,
            section=command.section,
            html_content=html_content,
            template=template,
            created_at=command.occurred_at,
        )
        add_event(command, topic=TEMPLATE_COMMANDS, key=command.section)
    return row
