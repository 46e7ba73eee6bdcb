"""Previews of a template file: what a request with the same template, data and output would store."""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson

from agents.templates.commands import new_version
from agents.templates.preview import preview_data
from agents.templates.received_command import CommandRejectedError
from agents.templates.store import NewVersion
from posters.operations.previews.local_renderer import LocalRenderer
from posters.operations.previews.warning_lines import with_lines
from renderer.assets.relative_warnings import CODE as RELATIVE
from renderer.errors import RenderError
from renderer.language.check import TemplateRejectedError
from renderer.language.problems import TemplateProblemError
from renderer.rendering import Image, Rendering
from schemas.outcomes import PosterWarning
from schemas.output import Output, parse_output, resolve_output
from schemas.placeholders import check_data
from schemas.templates import TemplateError, TemplateUpload, TemplateWarning

_SECTION: Final = "preview"
_NOBODY: Final = UUID(int=0)
"""The command that a preview does as an upload is never sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonSource:
    """JSON that an option gives: written out (`path` is None), or in a file that is read again for each preview."""

    text: str = ""
    path: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewRequest:
    """What to preview: a template file as `posters templates upload` would take it, and data."""

    file: Path
    data: JsonSource | None = None
    output: JsonSource | None = None
    width: int | None = None
    height: int | None = None
    javascript: bool = False

    @property
    def files(self) -> list[Path]:
        """The files that decide what the preview looks like."""
        sources = (self.data, self.output)
        return [self.file, *(each.path for each in sources if each is not None and each.path is not None)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The pictures of a preview, with what to know about them; `seconds` is how long they took."""

    images: list[Image]
    warnings: list[TemplateWarning | PosterWarning]
    seconds: float


class PreviewError(Exception):
    """The preview cannot be made; `errors` are about `file`, whose `text` is empty where no line is to be shown."""

    def __init__(self, file: str, errors: Sequence[TemplateError], text: str = "") -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.file = file
        self.errors = list(errors)
        self.text = text


async def draw_preview(request: PreviewRequest, renderer: LocalRenderer) -> Preview:
    """Read the files and draw. Raises PreviewError, UnavailableError."""
    began = time.monotonic()
    html = _read(request.file, "name a file with HTML")
    data = None if request.data is None else read_json(request.data, "--data")
    output = None if request.output is None else read_json(request.output, "--output")
    version = await _uploaded(request, html, output, renderer)
    filled = _data(request, data, version)
    resolved = resolve_output(parse_output(version.output), Output(width=version.width, height=version.height))
    name = str(request.file)
    try:
        document = await renderer.fill(html, filled, resolved)
        rendering = await renderer.draw(document, resolved, javascript=request.javascript)
    except TemplateProblemError as error:
        raise PreviewError(name, [_error(error.code, error.message, error.line, error.column)], html) from error
    except RenderError as error:
        raise PreviewError(name, [_error(error.code, error.message)]) from error
    return Preview(
        images=rendering.images,
        warnings=[
            *version.warnings,
            *with_lines(_not_said(rendering, version.warnings), rendering.assets, html),
            *_unknown_data(version, data or {}),
        ],
        seconds=time.monotonic() - began,
    )


async def _uploaded(
    request: PreviewRequest, html: str, output: dict[str, Any] | None, renderer: LocalRenderer
) -> NewVersion:
    """Return the version that an upload of the file would make."""
    upload = TemplateUpload(
        event_id=_NOBODY,
        occurred_at=datetime.now(UTC),
        section=_SECTION,
        name=_SECTION,
        html_content=html,
        width=request.width,
        height=request.height,
        output=output,
        javascript=request.javascript,
    )
    try:
        version = await new_version(upload, renderer)
    except TemplateRejectedError as error:
        raise PreviewError(str(request.file), error.errors, html) from error
    except CommandRejectedError as error:
        raise PreviewError(_named(request.output, "--output"), error.errors) from error
    return replace(version, warnings=[_of_preview(warning) for warning in version.warnings])


def _of_preview(warning: TemplateWarning) -> TemplateWarning:
    """Return the warning with the option that a preview has in place of an upload's field."""
    if warning.code != "javascript_off":
        return warning
    return replace(
        warning, message=warning.message.replace("was not uploaded with `javascript`", "runs without `--javascript`")
    )


def _data(request: PreviewRequest, data: dict[str, Any] | None, version: NewVersion) -> dict[str, Any]:
    try:
        return preview_data(data, version.placeholders)
    except CommandRejectedError as error:
        name = _named(request.data, "--data")
        advice = f"correct {name}, or leave --data out for the samples"
        errors = [replace(each, message=f"{each.message}; {advice}") for each in error.errors]
        raise PreviewError(name, errors) from error


def _not_said(rendering: Rendering, said: Sequence[TemplateWarning]) -> list[PosterWarning]:
    """Return the warnings of the pictures without that of relative addresses if each has one with its line."""
    texts = [warning.message for warning in said if warning.code == RELATIVE]
    relative = [asset.url for asset in rendering.assets if asset.reason == RELATIVE]
    if not all(any(re.search(rf"`{re.escape(url)}[`?#]", text) for text in texts) for url in relative):
        return rendering.warnings
    return [warning for warning in rendering.warnings if warning.code != RELATIVE]


def _unknown_data(version: NewVersion, data: Mapping[str, Any]) -> list[TemplateWarning]:
    unknown = check_data(version.placeholders, data).unknown
    if not unknown:
        return []
    message = f"the template does not use {', '.join(f'`{name}`' for name in unknown)} of the data"
    return [TemplateWarning(code="unknown_data", message=message)]


def read_json(source: JsonSource, option: str) -> dict[str, Any]:
    """Return the object that an option gives. Raises PreviewError."""
    advice = f"{option} takes a JSON object, or a file with one"
    name = _named(source, option)
    # Editors of Windows begin a file with a byte order mark.
    text = source.text if source.path is None else _read(source.path, advice, "utf-8-sig")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        message = f"it is not JSON: {error.msg}; {advice}"
        raise PreviewError(name, [_error("invalid_request", message, error.lineno, error.colno)], text) from error
    if not isinstance(value, dict):
        message = f'it is JSON, but not an object; {advice}, such as {{"name": "Ada"}}'
        raise PreviewError(name, [_error("invalid_request", message)])
    return value


def _read(path: Path, advice: str, encoding: str = "utf-8") -> str:
    try:
        return path.read_text(encoding=encoding)
    except OSError as error:
        raise PreviewError(
            str(path), [_error("invalid_request", f"cannot be read: {error.strerror}; {advice}")]
        ) from error
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 (byte {error.start + 1}); save it in that encoding"
        raise PreviewError(str(path), [_error("invalid_request", message)]) from error


def _named(source: JsonSource | None, option: str) -> str:
    return option if source is None or source.path is None else str(source.path)


def _error(code: str, message: str, line: int | None = None, column: int | None = None) -> TemplateError:
    return TemplateError(code=code, message=message, line=line, column=column)
