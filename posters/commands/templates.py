"""`posters templates`: the commands of designers."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
import orjson

from agents.settings import read_settings
from posters.commands.json_option import JsonObject
from posters.commands.template_options import html_file, section_of, source_option, timeout_option
from posters.commands.terminal import say, say_document, say_rows
from posters.main import CommandError, LazyGroup
from posters.operations.sections import own_section
from posters.operations.templates import TemplateClient
from schemas.output import OutputError, parse_output
from schemas.templates import TemplateActivate, TemplateArchive, TemplateGet, TemplateUpload
from streams.printable import printable

_WITH_RENDERER: Final = {"audit": "posters.commands.template_audit", "preview": "posters.commands.template_preview"}


@click.group(cls=LazyGroup, modules=_WITH_RENDERER)
def templates() -> None:
    """Preview, upload, list, show, activate, archive and audit templates."""


@templates.command()
@click.argument("section")
@click.argument("file", type=html_file)
@click.option("--name", help="a title for people; default: the section")
@click.option("--activate/--no-activate", default=True, help="make this version <section>_latest  [default: yes]")
@click.option("--width", type=int, help="CSS pixels")
@click.option("--height", type=int, help="CSS pixels")
@click.option("--output", type=JsonObject(), help="default output of its posters, as JSON")
@click.option("--javascript", is_flag=True, help="run the JavaScript of the template")
@click.option("--shared/--not-shared", default=None, help="whether others may command the section  [default: as it is]")
@click.option("--private/--not-private", default=None, help="whether only its owner may use it  [default: as it is]")
@source_option
@timeout_option
def upload(section: str, file: Path, name: str | None, timeout: float, *, activate: bool, **options: Any) -> None:
    """Upload the HTML in FILE as the next version of SECTION."""
    try:
        html = file.read_text(encoding="utf-8")
        parse_output(options["output"])
    except (UnicodeDecodeError, OutputError) as error:
        raise CommandError(f"{file}: {error}") from error
    answer = TemplateClient(read_settings(), timeout).execute(
        TemplateUpload, section=section, name=name or section, html_content=html, set_as_active=activate, **options
    )
    state = "active" if answer.is_active else "not active"
    say(f"{answer.section}@{answer.template_version}  {answer.template_id}  {state}")
    for placeholder in answer.placeholders:
        say(f"  {placeholder.name}: {placeholder.data_type}{'' if placeholder.required else ', optional'}")
    for warning in answer.warnings:
        say(f"  warning: {warning.message}", error=True)


@templates.command("list")
def list_() -> None:
    """List every version of every section."""
    say_rows(
        ("template", "name", "state", "size", "id"),
        (
            (
                f"{version.section}@{version.template_version}",
                version.name,
                "active" if version.is_active else "archived" if version.archived_at else "",
                f"{version.width}x{version.height}",
                str(version.template_id),
            )
            for version in TemplateClient(read_settings(), 0).catalog()
        ),
    )


@templates.command()
@click.argument("template_id")
@click.option("--section", help="its section; needed where TEMPLATE_ID is a UUID")
@click.option("--html", "html_only", is_flag=True, help="print only the HTML")
@source_option
@timeout_option
def show(template_id: str, section: str | None, source: str | None, timeout: float, *, html_only: bool) -> None:
    """Show TEMPLATE_ID with its HTML and placeholders, as JSON."""
    client = TemplateClient(read_settings(), timeout)
    answer = client.execute(
        TemplateGet, source=source, section=section_of(template_id, section), template_id=template_id
    )
    if html_only:
        say_document(answer.html_content)
    else:
        document = orjson.dumps(answer, option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z)
        click.echo(printable(document.decode(), multiline=True))


@templates.command()
@click.argument("template_id")
@click.option("--section", help="its section; needed where TEMPLATE_ID is a UUID")
@source_option
@timeout_option
def activate(template_id: str, section: str | None, source: str | None, timeout: float) -> None:
    """Make TEMPLATE_ID the version that <section>_latest names, from now on."""
    client = TemplateClient(read_settings(), timeout)
    answer = client.execute(
        TemplateActivate, source=source, section=section_of(template_id, section), template_id=template_id
    )
    say(f"{answer.section}@{answer.template_version} is active from {answer.active_from.isoformat()}")


@templates.command()
@click.argument("template_id")
@click.option("--section", help="its section; needed where TEMPLATE_ID is a UUID")
@source_option
@timeout_option
def archive(template_id: str, section: str | None, source: str | None, timeout: float) -> None:
    """Refuse TEMPLATE_ID to later requests."""
    client = TemplateClient(read_settings(), timeout)
    answer = client.execute(
        TemplateArchive, source=source, section=section_of(template_id, section), template_id=template_id
    )
    say(f"{answer.section}@{answer.template_version} is archived")


@templates.command()
@click.argument("section")
@click.argument("source")
@timeout_option
def own(section: str, source: str, timeout: float) -> None:
    """Make SECTION belong to SOURCE: commands of other sources are refused from then on.

    For sections from before there were owners, and to hand one over. It is then neither shared nor private. Safe to
    repeat; a worker of the templates role has to run.
    """
    owned = asyncio.run(own_section(read_settings(), section, source, now=datetime.now(UTC), timeout=timeout))
    before = "nobody" if owned.before is None else owned.before
    say(f"{section} belongs to {source}; before: {before}; {owned.versions} versions")
