"""Previews of a template file: what a request with the same template, data and output would store."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from agents.templates.commands import javascript_warnings
from agents.templates.preview import DEFAULT_SIDE, preview_data
from agents.templates.received_command import CommandRejectedError
from posters.operations.local_renderer import LocalRenderer
from renderer.errors import RenderError
from renderer.language.check import Checked, TemplateRejectedError
from renderer.language.problems import TemplateProblemError
from renderer.rendering import Image, Rendering
from schemas.outcomes import PosterWarning
from schemas.output import Output, OutputError, parse_output, resolve_output
from schemas.placeholders import check_data
from schemas.templates import TemplateError, TemplateWarning


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
    output = _output(request)
    checked = await _check(request, html, renderer)
    filled = _data(request, data, checked)
    name = str(request.file)
    try:
        document = await renderer.fill(html, filled, output)
        rendering = await renderer.draw(document, output, javascript=request.javascript)
    except TemplateProblemError as error:
        raise PreviewError(name, [_error(error.code, error.message, error.line, error.column)], html) from error
    except RenderError as error:
        raise PreviewError(name, [_error(error.code, error.message)]) from error
    return Preview(
        images=rendering.images,
        warnings=_warnings(request, html, data or {}, checked, rendering),
        seconds=time.monotonic() - began,
    )


async def _check(request: PreviewRequest, html: str, renderer: LocalRenderer) -> Checked:
    try:
        return await renderer.check(html)
    except TemplateRejectedError as error:
        raise PreviewError(str(request.file), error.errors, html) from error


def _data(request: PreviewRequest, data: dict[str, Any] | None, checked: Checked) -> dict[str, Any]:
    try:
        return preview_data(data, checked.placeholders)
    except CommandRejectedError as error:
        name = _named(request.data, "--data")
        advice = f"correct {name}, or leave --data out for the samples"
        raise PreviewError(
            name, [replace(each, message=f"{each.message}; {advice}") for each in error.errors]
        ) from error


def _output(request: PreviewRequest) -> Output:
    size = Output(
        width=DEFAULT_SIDE if request.width is None else request.width,
        height=DEFAULT_SIDE if request.height is None else request.height,
    )
    try:
        stated = parse_output(None if request.output is None else read_json(request.output, "--output"))
        return resolve_output(stated, size)
    except OutputError as error:
        raise PreviewError(_named(request.output, "--output"), [_error(error.code, error.message)]) from error


def _warnings(
    request: PreviewRequest, html: str, data: Mapping[str, Any], checked: Checked, rendering: Rendering
) -> list[TemplateWarning | PosterWarning]:
    unknown = check_data(checked.placeholders, data).unknown
    found: list[TemplateWarning | PosterWarning] = [
        *checked.warnings,
        *javascript_warnings(html, javascript=request.javascript),
        *rendering.warnings,
    ]
    if unknown:
        message = f"the template does not use {', '.join(f'`{name}`' for name in unknown)} of the data"
        found.append(TemplateWarning(code="unknown_data", message=message))
    return found


def read_json(source: JsonSource, option: str) -> dict[str, Any]:
    """Return the object that an option gives. Raises PreviewError."""
    advice = f"{option} takes a JSON object, or a file with one"
    name, text = _named(source, option), source.text if source.path is None else _read(source.path, advice)
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        message = f"it is not JSON: {error.msg}; {advice}"
        raise PreviewError(name, [_error("invalid_request", message, error.lineno, error.colno)], text) from error
    if not isinstance(value, dict):
        message = f'it is JSON, but not an object; {advice}, such as {{"name": "Ada"}}'
        raise PreviewError(name, [_error("invalid_request", message)])
    return value


def _read(path: Path, advice: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
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
