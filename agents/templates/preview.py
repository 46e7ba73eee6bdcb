"""Previews: a render record for a designer's poster, which belongs to no job."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from agents.digest import input_digest, template_fingerprint
from agents.events import preview_id, render_record
from agents.sandbox import TemplateChecker
from agents.templates.received_command import ReceivedCommand, rejection
from agents.templates.store import StoredVersion, TemplateStore
from schemas.envelope import fact_id
from schemas.fields import check_custom_data
from schemas.output import Output, OutputError, parse_output, resolve_output
from schemas.placeholders import PlaceholderSet
from schemas.renders import PosterPinned
from schemas.templates import Placeholder, TemplatePreview
from streams.delivery import Record

DEFAULT_SIDE: Final = 1080
"""Width and height of a template that states none, in CSS pixels."""


async def preview(
    command: TemplatePreview,
    version: StoredVersion | None,
    store: TemplateStore,
    checker: TemplateChecker,
    received: ReceivedCommand,
) -> Record:
    """Return the render record of a preview of `version`, or else of the command's own HTML.

    Raises CommandRejectedError where the data are not valid, TemplateRejectedError where the HTML is not.
    """
    if version is None:
        return await _of_draft(command, store, checker, received)
    fingerprint = template_fingerprint(version.html_sha256, javascript=version.javascript)
    size = Output(width=version.width, height=version.height)
    outputs = [parse_output(version.output), size]
    return _record(command, version.template_id, version.version, fingerprint, version.placeholders, outputs, received)


async def _of_draft(
    command: TemplatePreview, store: TemplateStore, checker: TemplateChecker, received: ReceivedCommand
) -> Record:
    html = command.html_content or ""
    checked = await checker.check(html, [])
    digest = hashlib.sha256(html.encode()).hexdigest()
    fingerprint = template_fingerprint(digest, javascript=command.javascript)
    draft_id = fact_id("draft", fingerprint)
    await store.save_draft(draft_id, html, javascript=command.javascript)
    default = Output(width=DEFAULT_SIDE, height=DEFAULT_SIDE)
    return _record(command, draft_id, 0, fingerprint, checked.placeholders, [default], received)


def _record(
    command: TemplatePreview,
    template_id: UUID,
    number: int,
    fingerprint: str,
    placeholders: list[Placeholder],
    defaults: list[Output],
    received: ReceivedCommand,
) -> Record:
    data = preview_data(command.custom_data, placeholders)
    try:
        output = resolve_output(parse_output(command.output), *defaults)
    except OutputError as error:
        raise rejection(error.code, error.message) from None
    poster = PosterPinned(
        event_id=preview_id(received.command.event_id),
        occurred_at=received.now,
        source=command.source,
        job_id=f"preview_{command.event_id.hex}",
        poster_index=0,
        entity_id="preview",
        template_version_id=template_id,
        section=command.section,
        template_version=number,
        custom_data=data,
        output=output,
        purpose="preview",
        command_id=command.event_id,
        requested_at=received.at,
        input_digest=input_digest(fingerprint, data, output),
    )
    return render_record(poster, received.headers)


def preview_data(custom_data: dict[str, Any] | None, placeholders: Sequence[Placeholder]) -> dict[str, Any]:
    """Return the data that a preview is filled with; without `custom_data`, the placeholders' samples.

    Raises CommandRejectedError where the data is not valid.
    """
    if custom_data is None:
        return {item.name: item.sample_value for item in placeholders if item.sample_value is not None}
    try:
        check_custom_data(custom_data)
    except ValueError as error:
        raise rejection("template_data", str(error)) from None
    expected = PlaceholderSet(placeholders)
    reason = expected.check(custom_data).refusal
    if reason is not None:
        raise rejection("template_data", reason)
    return expected.filled(custom_data)
