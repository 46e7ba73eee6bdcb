"""Apply events of the templates role: template versions, and the answers to this site's commands."""

import hashlib
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Q

from django_posters.contract.templates import (
    TemplateAnswer,
    TemplateDescribed,
    TemplatePreviewed,
    TemplateRejected,
    TemplateVersion,
)
from django_posters.database import database_alias
from django_posters.models import PosterTemplate, TemplateCommand

from .addresses import usable_address


def apply_answer(answer: TemplateAnswer) -> None:
    """Apply an answer to the version it describes, unless the row is newer, and to this site's command."""
    with transaction.atomic(using=database_alias()):
        if isinstance(answer, TemplateVersion):
            apply_version(answer)
        _apply_to_command(answer)


def apply_version(version: TemplateVersion) -> None:
    """Write a catalog entry into the version's row, unless the row is newer.

    An entry names the last command that changed it. That command may have been about another version: activating one
    version also changes the one that was active before.
    """
    templates = PosterTemplate.objects.using(database_alias())
    mine = templates.filter(pk=version.template_id)
    columns = _columns(version)
    with transaction.atomic(using=database_alias()):
        if not mine.filter(reported_at__lt=version.occurred_at).update(**columns):
            templates.bulk_create([PosterTemplate(template_id=version.template_id, **columns)], ignore_conflicts=True)
        if html := _html(version):
            mine.filter(html_content="").update(html_content=html)
        if version.is_active and version.active_from is not None:
            # A section has one active version. The deactivation of the other is an event of its own, maybe a later one.
            earlier = Q(active_from__lt=version.active_from) | Q(active_from=None)
            templates.filter(earlier, section=version.section, is_active=True).update(is_active=False)


def _apply_to_command(answer: TemplateAnswer) -> None:
    columns: dict[str, Any] = {"state": TemplateCommand.State.DONE, "answered_at": answer.occurred_at}
    if isinstance(answer, TemplateRejected):
        columns |= {"state": TemplateCommand.State.REJECTED, "errors": msgspec.to_builtins(answer.errors)}
    elif isinstance(answer, TemplatePreviewed):
        columns["url"] = usable_address(answer.url, f"the command {answer.command_id}")
    elif isinstance(answer, TemplateVersion):
        # The version stores the HTML now; one copy is enough.
        columns |= {
            "template_id": answer.template_id,
            "warnings": msgspec.to_builtins(answer.warnings),
            "html_content": "",
        }
    commands = TemplateCommand.objects.using(database_alias())
    commands.filter(pk=answer.command_id, state=TemplateCommand.State.SENT).update(**columns)


def _html(version: TemplateVersion) -> str:
    if isinstance(version, TemplateDescribed):
        return version.html_content
    commands = TemplateCommand.objects.using(database_alias()).filter(pk=version.command_id)
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
        "owner": version.owner or "",
        "is_shared": version.shared,
        "is_private": version.private,
        "reported_at": version.occurred_at,
    }
