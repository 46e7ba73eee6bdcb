"""Executing template commands: each changes the tables in its caller's transaction and gives the records to publish."""

import hashlib
import re
from collections.abc import Set
from dataclasses import replace
from typing import Final

from agents.sandbox import TemplateChecker
from agents.templates import answers
from agents.templates.preview import DEFAULT_SIDE, preview
from agents.templates.received_command import ReceivedCommand, rejection
from agents.templates.sections import claim_section
from agents.templates.store import NewVersion, StoredVersion, TemplateStore
from renderer.assets.relative_warnings import relative_address_warnings
from renderer.language.locality import unknown_locale
from renderer.large_text import off_the_loop
from schemas import limits
from schemas.envelope import Envelope, fact_id
from schemas.output import Output, OutputError, parse_output, resolve_output
from schemas.references import is_section, parse_reference
from schemas.templates import (
    PlaceholderDeclaration,
    TemplateActivate,
    TemplateActivated,
    TemplateArchive,
    TemplateArchived,
    TemplateDescribed,
    TemplateGet,
    TemplatePreview,
    TemplateUpdate,
    TemplateUpload,
    TemplateUploaded,
    TemplateWarning,
)
from streams.delivery import Record

_SCRIPT: Final = re.compile(r"<(?:script\b|[^<>]*\s(onload|onerror)\s*=)", re.IGNORECASE)
"""Scripts that shape a picture; other events never happen. A style sheet that is applied once loaded has one, too."""


async def execute(
    received: ReceivedCommand,
    store: TemplateStore,
    checker: TemplateChecker,
    shared_sections: Set[str] = frozenset(),
) -> list[Record]:
    """Execute the command and return what to publish after the commit.

    Idempotent: a redelivered command changes nothing, and gives answers with the same ids. Raises
    CommandRejectedError, and TemplateRejectedError for errors in the HTML.
    """
    command = received.command
    if not is_section(command.section):
        raise rejection(
            "invalid_request",
            f"section `{command.section[:100]}` is not [a-z0-9][a-z0-9_-]{{0,62}}, or ends in `_latest`",
        )
    await store.lock(command.section)
    section_changed = await claim_section(command, store, shared_sections)
    match command:
        case TemplateUpload():
            records = await _upload(command, received, store, checker)
            # Intake reads from the catalog's records whether a section is private.
            others = await store.versions(command.section) if section_changed else []
            return [*answers.catalog_records(others, received), *records]
        case TemplateUpdate():
            return await _update(command, received, store, checker)
        case TemplateActivate():
            changed = await store.activate(await _existing(command, store), received.at)
            return _records(answers.answer(TemplateActivated, changed[-1], received), changed, received)
        case TemplateArchive():
            archived = await store.archive(await _existing(command, store), received.at)
            return _records(answers.answer(TemplateArchived, archived, received), [archived], received)
        case TemplateGet():
            described = answers.answer(TemplateDescribed, await _existing(command, store), received)
            return _records(described, [], received)
        case TemplatePreview():
            version = await _existing(command, store) if command.template_id is not None else None
            return [await preview(command, version, store, checker, received)]


async def _upload(
    command: TemplateUpload, received: ReceivedCommand, store: TemplateStore, checker: TemplateChecker
) -> list[Record]:
    created = await store.find_created_by(command.event_id)
    same = created or await store.find_same(command.section, command.name, _sha256(command.html_content))
    if same is not None and (same is created or _is_unchanged(same, command)):
        return await _uploaded(same, received, store, set_as_active=command.set_as_active)
    stored = await store.insert(await new_version(command, checker))
    return await _uploaded(stored, received, store, set_as_active=command.set_as_active)


def _is_unchanged(version: StoredVersion, command: TemplateUpload) -> bool:
    """Whether a version of the same HTML also has the options of the upload: size, output, scripts, declarations."""
    mine = (command.width or DEFAULT_SIDE, command.height or DEFAULT_SIDE, command.output or {}, command.javascript)
    if mine != (version.width, version.height, version.output, version.javascript):
        return False
    stored = {item.name: item for item in version.placeholders}
    return all(
        getattr(stored[declared.name], name) == value
        for declared in command.placeholders or []
        if declared.name in stored
        for name in ("data_type", "required", "default", "sample_value", "description")
        if (value := getattr(declared, name)) is not None
    )


async def _update(
    command: TemplateUpdate, received: ReceivedCommand, store: TemplateStore, checker: TemplateChecker
) -> list[Record]:
    created = await store.find_created_by(command.event_id)
    if created is None:
        created = await store.insert(await new_version(_merged(command, await _existing(command, store)), checker))
    return await _uploaded(created, received, store, set_as_active=bool(command.set_as_active))


async def _uploaded(
    version: StoredVersion, received: ReceivedCommand, store: TemplateStore, *, set_as_active: bool
) -> list[Record]:
    changed = await store.activate(version, received.at) if set_as_active and not version.is_active else [version]
    return _records(answers.answer(TemplateUploaded, changed[-1], received), changed, received)


def _records(answer: Envelope, changed: list[StoredVersion], received: ReceivedCommand) -> list[Record]:
    # The catalog first: whoever reads the answer may send a request at once.
    return [*answers.catalog_records(changed, received), answers.answer_record(answer, received)]


async def _existing(
    command: TemplateUpdate | TemplateActivate | TemplateArchive | TemplateGet | TemplatePreview, store: TemplateStore
) -> StoredVersion:
    template_id = command.template_id or ""
    try:
        version = await store.find(command.section, parse_reference(template_id))
    except ValueError as error:
        raise rejection("template_not_found", str(error)) from None
    if version is None:
        raise rejection("template_not_found", f"section `{command.section}` has no template `{template_id[:100]}`")
    return version


async def new_version(command: TemplateUpload, checker: TemplateChecker) -> NewVersion:
    """Return the version that an upload makes. Raises TemplateRejectedError, CommandRejectedError."""
    _check_name(command.name)
    checked = await checker.check(command.html_content, command.placeholders or [])
    width = DEFAULT_SIDE if command.width is None else command.width
    height = DEFAULT_SIDE if command.height is None else command.height
    warnings = list(checked.warnings)
    try:
        resolved = resolve_output(parse_output(command.output), Output(width=width, height=height))
    except OutputError as error:
        raise rejection(error.code, error.message) from None
    return NewVersion(
        template_id=fact_id("template", command.event_id),
        command_id=command.event_id,
        section=command.section,
        name=command.name,
        html_content=command.html_content,
        html_sha256=_sha256(command.html_content),
        width=width,
        height=height,
        output=command.output or {},
        javascript=command.javascript,
        warnings=[
            *warnings,
            *_javascript_warning(command),
            *_locale_warning(resolved),
            *await _address_warnings(command.html_content),
        ],
        placeholders=list(checked.placeholders),
    )


def _check_name(name: str) -> None:
    if not 1 <= len(name) <= limits.TEMPLATE_NAME_MAX_CHARACTERS or "\0" in name:
        raise rejection(
            "invalid_request", f"a name has 1 to {limits.TEMPLATE_NAME_MAX_CHARACTERS} characters, no U+0000"
        )


def _javascript_warning(command: TemplateUpload) -> list[TemplateWarning]:
    if not command.javascript and (found := _SCRIPT.search(command.html_content)):
        what = f"an attribute `{found[1].lower()}`" if found[1] else "a <script>"
        message = f"the template has {what}, but was not uploaded with `javascript`; scripts will not run"
        return [TemplateWarning(code="javascript_off", message=message)]
    return []


def _locale_warning(output: Output) -> list[TemplateWarning]:
    message = unknown_locale(output.locale)
    return [TemplateWarning(code="locale_unknown", message=message)] if message else []


async def _address_warnings(html: str) -> list[TemplateWarning]:
    return await off_the_loop(lambda: relative_address_warnings(html), len(html))


def _merged(command: TemplateUpdate, base: StoredVersion) -> TemplateUpload:
    declared = command.placeholders
    if declared is None and command.html_content is None:
        declared = [
            PlaceholderDeclaration(
                name=item.name,
                data_type=item.data_type if item.exact else None,
                required=item.required,
                default=item.default,
                sample_value=item.sample_value,
                description=item.description,
            )
            for item in base.placeholders
        ]
    upload = TemplateUpload(
        event_id=command.event_id,
        occurred_at=command.occurred_at,
        source=command.source,
        section=command.section,
        name=base.name,
        html_content=base.html_content,
        placeholders=declared,
        width=base.width,
        height=base.height,
        output=base.output,
        javascript=base.javascript,
    )
    changes = {
        name: getattr(command, name)
        for name in ("name", "html_content", "width", "height", "output", "javascript")
        if getattr(command, name) is not None
    }
    return replace(upload, **changes)


def _sha256(html: str) -> str:
    return hashlib.sha256(html.encode("utf-8", "surrogatepass")).hexdigest()
