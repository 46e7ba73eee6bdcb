"""`posters templates preview`: the pictures of a template, drawn here from its file or by the workers."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource

from agents.settings import Settings, read_settings
from posters.commands.diagnostics import say_errors, say_warnings
from posters.commands.template_options import html_file, section_of, source_option, timeout_option
from posters.commands.terminal import say, say_fields
from posters.operations.errors import OperationError
from posters.operations.previews.file_changes import file_changes
from posters.operations.previews.local_renderer import VARIABLES, LocalRenderer, local_renderer
from posters.operations.previews.preview import JsonSource, PreviewError, PreviewRequest, draw_preview, read_json
from posters.operations.previews.preview_files import write_pictures
from posters.operations.previews.redrawing import redraw
from posters.operations.templates import TemplateClient
from schemas.references import parse_reference
from schemas.templates import TemplatePreview
from streams.errors import UnavailableError

_LOCAL_ONLY: Final = {"out": "--out", "watch": "--watch", "width": "--width", "height": "--height"}
_WORKERS_ONLY: Final = {"section": "--section", "source": "--source", "timeout": "--timeout"}


class JsonSourceType(click.ParamType):
    """A JSON object written out, or the path of a file with one, with or without `@` before it."""

    name = "json"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> JsonSource:
        """Return where the JSON is; it is read when it is needed."""
        if isinstance(value, JsonSource):
            return value
        text = str(value)
        if not text.strip():
            self.fail("it is empty; it takes a JSON object, or a file with one", param, ctx)
        if text.lstrip().startswith(("{", "[")):
            return JsonSource(text=text)
        path = text.removeprefix("@")
        return JsonSource(text=sys.stdin.read()) if path == "-" else JsonSource(path=Path(path))


@click.command()
@click.argument("target", metavar="[FILE|TEMPLATE_ID]", required=False)
@click.option("--data", type=JsonSourceType(), help="custom_data: a JSON file, or JSON; default: the samples")
@click.option("--out", type=click.Path(path_type=Path), help="the picture, or a directory; default: FILE.preview.png")
@click.option("--output", type=JsonSourceType(), help="size, format and variants: a JSON file, or JSON")
@click.option("--width", type=int, help="CSS pixels")
@click.option("--height", type=int, help="CSS pixels")
@click.option("--javascript", is_flag=True, help="run the JavaScript of the template")
@click.option("--watch", is_flag=True, help="draw again after every save, until Ctrl-C")
@click.option("--file", type=html_file, help="let the workers draw this HTML file instead of an uploaded version")
@click.option("--section", help="the section; needed with --file and where TEMPLATE_ID is a UUID")
@source_option
@timeout_option
def preview(target: str | None, file: Path | None, **options: Any) -> None:
    """Draw the template in FILE here, without broker, database and storage.

    The picture has the same bytes as that of a poster with this template, data and output. It goes to FILE.preview.png
    beside the file, or to --out. Several variants go to files of their own, named for them, and the picture is their
    contact sheet.

    With a TEMPLATE_ID such as testimonial@3 or testimonial_latest, or with --file, the workers draw, and the command
    prints the URL of the image. Write ./testimonial_latest for a file of such a name.
    """
    if (target is None) == (file is None):
        raise click.UsageError("say what to preview: FILE, TEMPLATE_ID or --file")
    try:
        if target is None or _is_reference(target):
            _by_workers(target, file, options)
        else:
            _here(Path(target), options)
    except PreviewError as error:
        say_errors(error.file, error.errors, error.text)
        sys.exit(1)


def _is_reference(target: str) -> bool:
    try:
        parse_reference(target)
    except ValueError:
        return False
    return True


def _by_workers(template_id: str | None, file: Path | None, options: Mapping[str, Any]) -> None:
    """Let the workers draw, and print where the image is."""
    wrong = [flag for name, flag in _LOCAL_ONLY.items() if options[name]]
    if wrong:
        raise click.UsageError(f"{', '.join(wrong)}: only for a FILE that is drawn here")
    section = options["section"]
    answer = TemplateClient(read_settings(), options["timeout"]).execute(
        TemplatePreview,
        source=options["source"],
        section=section if file is not None and section else section_of(template_id or "", section),
        template_id=template_id,
        html_content=None if file is None else file.read_text(encoding="utf-8"),
        custom_data=None if options["data"] is None else read_json(options["data"], "--data"),
        output=None if options["output"] is None else read_json(options["output"], "--output"),
        javascript=file is not None and options["javascript"],
    )
    say(answer.url)


def _here(file: Path, options: Mapping[str, Any]) -> None:
    """Draw in this process, and print which files were written."""
    if not file.is_file():
        raise OperationError(
            f"`{file}` is no file, and no template version such as testimonial@3 or testimonial_latest"
        )
    context = click.get_current_context()
    wrong = [
        flag
        for name, flag in _WORKERS_ONLY.items()
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if wrong:
        raise click.UsageError(f"{', '.join(wrong)}: only for what the workers draw, a TEMPLATE_ID or --file")
    request = PreviewRequest(
        file=file,
        data=options["data"],
        output=options["output"],
        width=options["width"],
        height=options["height"],
        javascript=options["javascript"],
    )
    if not options["watch"]:
        asyncio.run(_draw_once(request, options["out"]))
        return
    try:
        asyncio.run(_watch(request, options["out"]))
    except KeyboardInterrupt:
        return


async def _draw_once(request: PreviewRequest, out: Path | None) -> None:
    async with local_renderer(_settings()) as renderer:
        await _draw(request, out, renderer)


async def _watch(request: PreviewRequest, out: Path | None) -> None:
    """Draw after every save. What is wrong with a file is printed, and the next save is waited for."""
    async with local_renderer(_settings()) as renderer:

        async def draw() -> None:
            try:
                await _draw(request, out, renderer)
            except PreviewError as error:
                say_errors(error.file, error.errors, error.text)
            except (OperationError, UnavailableError) as error:
                say(f"posters: {error}", error=True)

        await redraw(draw, file_changes(request.files))


async def _draw(request: PreviewRequest, out: Path | None, renderer: LocalRenderer) -> None:
    drawn = await draw_preview(request, renderer)
    files = await asyncio.to_thread(write_pictures, drawn.images, request.file, out)
    say_warnings(str(request.file), drawn.warnings)
    sizes = [f"{image.width}x{image.height}" for image in drawn.images]
    # A contact sheet is before the files of the images.
    for file, size in zip(files, [""] * (len(files) - len(sizes)) + sizes, strict=True):
        say_fields(str(file), size or "contact sheet", f"{drawn.seconds * 1000:.0f} ms")


def _settings() -> Settings:
    """Return the settings that decide what a poster looks like; those of other parts of a worker may be anything."""
    return read_settings({name: os.environ[name] for name in VARIABLES if name in os.environ})
