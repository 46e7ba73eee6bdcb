"""Arguments and options that the commands of `posters templates` share."""

from pathlib import Path

import click

from posters.main import CommandError
from schemas.references import Identified, Latest, Numbered, parse_reference

timeout_option = click.option(
    "--timeout", type=float, default=30.0, show_default=True, help="longest wait for the workers, in seconds"
)
source_option = click.option("--source", help="the site on whose behalf; default: none, a site of its own")
html_file = click.Path(exists=True, dir_okay=False, path_type=Path)


def section_of(template_id: str, section: str | None) -> str:
    """Return `section`, or else the section that the template's id names. Raises CommandError where there is none."""
    if section is not None:
        return section
    try:
        match parse_reference(template_id):
            case Latest(named) | Numbered(named, _):
                return named
            case Identified():
                raise CommandError("name the section of a UUID: --section")
    except ValueError as error:
        raise CommandError(str(error)) from error
