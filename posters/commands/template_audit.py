"""`posters templates audit`: what changes for the templates that are in use."""

import asyncio
from pathlib import Path
from typing import Any

import click
import msgspec

from agents.settings import read_settings
from posters.commands.progress import progress_bar
from posters.commands.terminal import say, say_rows
from posters.main import CommandError
from posters.operations.template_audit.template_audit import AuditRequest, audit_templates
from posters.operations.template_audit.template_audit_report import AuditedVersion, AuditReport, read_report
from schemas.references import Numbered, parse_reference
from streams.printable import printable


class Version(click.ParamType):
    """A version by its number: `testimonial@3`."""

    name = "version"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Numbered:
        """Return the reference."""
        if isinstance(value, Numbered):
            return value
        try:
            reference = parse_reference(str(value))
        except ValueError:
            reference = None
        if not isinstance(reference, Numbered):
            self.fail(f"`{value}` is no version such as testimonial@3", param, ctx)
        return reference


@click.command()
@click.option("--all", "every", is_flag=True, help="every version that is not archived, not only the active ones")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="audit at most this many")
@click.option("--after", type=Version(), help="go on after this version, such as testimonial@3")
@click.option(
    "--jobs",
    type=click.IntRange(min=0),
    default=10_000,
    show_default=True,
    help="look for last posters among this many of the newest jobs",
)
@click.option(
    "--against",
    type=click.Path(dir_okay=False, path_type=Path),
    help="compare with the report that an earlier audit printed with --json, as before an upgrade",
)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def audit(against: Path | None, *, as_json: bool, **options: Any) -> None:
    """Check, fill and draw the active versions here, and list those whose text or pictures change.

    Each is filled and drawn with its samples, and with the data of its last completed poster, whose stored pictures are
    compared pixel by pixel. Nothing is written. Ends with 1 where a version changes or is refused.
    """
    earlier = None if against is None else read_report(against)
    with progress_bar() as progress:
        task = progress.add_task("versions", total=None)
        report = asyncio.run(
            audit_templates(
                read_settings(),
                AuditRequest(**options),
                earlier,
                lambda done, total: progress.update(task, completed=done, total=total),
            )
        )
    if as_json:
        click.echo(printable(msgspec.json.encode(report).decode()))
    else:
        _show(report)
    if report.changed:
        raise CommandError(f"{len(report.changed)} of {len(report.versions)} versions change")


def _show(report: AuditReport) -> None:
    say_rows(("template", "input", "verdict", "detail"), [row for version in report.versions for row in _rows(version)])
    if report.next is not None:
        say(f"there are more versions; go on with --after {report.next}")


def _rows(version: AuditedVersion) -> list[tuple[str, str, str, str]]:
    refused = [(version.template, "upload", "refused", error) for error in version.errors]
    inputs = [(version.template, each.poster or "samples", each.verdict, each.detail) for each in version.inputs]
    return [*refused, *inputs]
