"""Apply what the templates role tells: versions, and answers to this site's commands."""

import hashlib
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Q

from . import outbox
from .contract.templates import TemplateAnswer, TemplateDescribed, TemplatePreviewed, TemplateRejected, TemplateVersion
from .models import PosterTemplate, TemplateCommand


def apply_answer(answer: TemplateAnswer) -> None:
    """Write what an answer says of a version, unless something newer was said of it, and of this site's command."""
    with transaction.atomic(using=outbox.database()):
        if isinstance(answer, TemplateVersion):
            apply_version(answer)
        _apply_to_command(answer)


def apply_version(version: TemplateVersion) -> None:
    """Write what an entry of the catalog says, unless something newer was said of the version.

    An entry names the command that touched it last. That need not be the version the command was about: the one that
    another took over from is touched too.
    """
    templates = PosterTemplate.objects.using(outbox.database())
    mine = templates.filter(pk=version.template_id)
    columns = _columns(version)
    with transaction.atomic(using=outbox.database()):
        if not mine.filter(told_at__lt=version.occurred_at).update(**columns):
            templates.bulk_create([PosterTemplate(template_id=version.template_id, **columns)], ignore_conflicts=True)
        if html := _html(version):
            mine.filter(html_content="").update(html_content=html)
        if version.is_active and version.active_from is not None:
            # A section has one active version; that the other is none any more is told apart from this.
            earlier = Q(active_from__lt=version.active_from) | Q(active_from=None)
            templates.filter(earlier, section=version.section, is_active=True).update(is_active=False)


def _apply_to_command(answer: TemplateAnswer) -> None:
    columns: dict[str, Any] = {"state": TemplateCommand.State.DONE, "answered_at": answer.occurred_at}
    if isinstance(answer, TemplateRejected):
        columns |= {"state": TemplateCommand.State.REJECTED, "errors": msgspec.to_builtins(answer.errors)}
    elif isinstance(answer, TemplatePreviewed):
        columns["url"] = answer.url
    elif isinstance(answer, TemplateVersion):
        # The version has the HTML now; once is enough.
        columns |= {
            "template_id": answer.template_id,
            "warnings": msgspec.to_builtins(answer.warnings),
            "html_content": "",
        }
    commands = TemplateCommand.objects.using(outbox.database())
    commands.filter(pk=answer.command_id, state=TemplateCommand.State.SENT).update(**columns)


def _html(version: TemplateVersion) -> str:
    if isinstance(version, TemplateDescribed):
        return version.html_content
    commands = TemplateCommand.objects.using(outbox.database()).filter(pk=version.command_id)
    sent = commands.values_list("html_content", flat=True).first() or ""
    return sent if hashlib.sha256(sent.encode()).hexdigest() == version.html_sha256 else ""


def _columns(version: TemplateVersion) -> dict[str, Any]:
    return {
        "section": version.section,
        "name": version.name,
        "version": version.template_version,
        "is_active": version.is_active,
        "active_from": version.active_from,
        "archived_at": version.archived_at,
        "html_sha256": version.html_sha256,
        "width": version.width,
        "height": version.height,
        "output": version.output,
        "javascript": version.javascript,
        "placeholders": msgspec.to_builtins(version.placeholders),
        "warnings": msgspec.to_builtins(version.warnings),
        "told_at": version.occurred_at,
    }
