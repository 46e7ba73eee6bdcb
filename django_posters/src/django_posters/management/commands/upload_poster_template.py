"""`manage.py upload_poster_template SECTION FILE`."""

import threading
from pathlib import Path
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_posters.conf import Settings, get_settings
from django_posters.contract.templates import TemplateError, TemplateRejected, TemplateUpload, TemplateUploaded
from django_posters.discovery import read_template
from django_posters.errors import PostersError, PostersSettingsError, StoppedError
from django_posters.stopping import stop_on_signals
from django_posters.uploads import Answers, Upload, send

WAIT_SECONDS: Final = 30.0
INTERRUPTED: Final = 130
"""What shells end with after Ctrl-C."""


class Command(BaseCommand):
    """Ends with an error where the template was refused."""

    help = "Upload an HTML template as the next version of SECTION; the same HTML again is no new version."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what a template is."""
        parser.add_argument("section", help="what PosterField and template ids call it, such as testimonial")
        parser.add_argument("file", type=Path, help="the HTML, in UTF-8")
        parser.add_argument("--name", help="what people call it; default: the section")
        parser.add_argument("--inactive", action="store_true", help="do not let <section>_latest mean this version")
        parser.add_argument("--width", type=int, help="CSS pixels")
        parser.add_argument("--height", type=int, help="CSS pixels")
        parser.add_argument(
            "--wait",
            type=float,
            nargs="?",
            const=WAIT_SECONDS,
            metavar="SECONDS",
            help=f"wait for the answer of the templates role, {WAIT_SECONDS:g} seconds if not said otherwise",
        )

    def handle(self, *args: Any, section: str, file: Path, wait: float | None, **options: Any) -> None:
        """Send the command and, if asked to, say what came of it."""
        settings = get_settings()
        try:
            upload = Upload(
                section=section,
                name=options["name"] or section,
                html=read_template(file),
                set_as_active=not options["inactive"],
                width=options["width"],
                height=options["height"],
            )
            command = upload.command(settings)
            with stop_on_signals() as stop:
                answer = _answer(stop, command, settings, wait)
        except StoppedError as error:
            raise CommandError(str(error), returncode=INTERRUPTED) from error
        except (PostersError, PostersSettingsError) as error:
            raise CommandError(str(error)) from error
        if answer is None:
            self.stdout.write(f"Sent {file} as command {command.event_id}.")
            return
        if not isinstance(answer, TemplateUploaded):
            raise CommandError("\n".join(_line(file, error) for error in answer.errors))
        for warning in answer.warnings:
            self.stderr.write(f"{file}: {warning.code}: {warning.message}")
        active = "active" if answer.is_active else "not active"
        self.stdout.write(f"{section}@{answer.template_version} ({answer.template_id}) is uploaded and {active}.")


def _answer(
    stop: threading.Event, command: TemplateUpload, settings: Settings, wait: float | None
) -> TemplateUploaded | TemplateRejected | None:
    if wait is None:
        send(stop, command, settings)
        return None
    answers = Answers(settings)
    try:
        send(stop, command, settings)
        return answers.wait_for(stop, command, seconds=wait)
    finally:
        answers.close()


def _line(file: Path, error: TemplateError) -> str:
    place = ":".join(str(part) for part in (file, error.line, error.column) if part is not None)
    return f"{place}: {error.code}: {error.message}"
