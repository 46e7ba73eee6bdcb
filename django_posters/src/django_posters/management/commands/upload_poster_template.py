"""`manage.py upload_poster_template SECTION FILE`: upload one template straight to the broker."""

import threading
import time
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_posters.conf import Settings, get_settings
from django_posters.contract.templates import TemplateRejected, TemplateUpload, TemplateUploaded
from django_posters.errors import PostersError, PostersSettingsError, RequestError, StoppedError
from django_posters.management.section_usage import add_section_usage
from django_posters.management.signal_handling import stop_on_signals
from django_posters.management.waiting import INTERRUPTED_STATUS, add_wait
from django_posters.template_uploads.direct_upload import TemplateAnswers, send
from django_posters.template_uploads.discovery import read_template
from django_posters.template_uploads.problems import problem_line
from django_posters.template_uploads.upload import Upload


class Command(BaseCommand):
    """Exits with an error where the template is rejected."""

    help = "Upload an HTML template as the next version of SECTION; unchanged HTML makes no new version."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the fields of a template, and --wait."""
        parser.add_argument("section", help="the section in PosterField and template ids, such as testimonial")
        parser.add_argument("file", type=Path, help="the HTML file, in UTF-8")
        parser.add_argument("--name", help="display name; default: the section")
        parser.add_argument("--inactive", action="store_true", help="do not make this version active")
        parser.add_argument("--width", type=int, help="CSS pixels")
        parser.add_argument("--height", type=int, help="CSS pixels")
        parser.add_argument("--output", metavar="JSON", help="default output of its posters, or @FILE")
        parser.add_argument("--javascript", action="store_true", help="run the JavaScript of the template")
        parser.add_argument(
            "--placeholders",
            metavar="JSON",
            help="types, defaults and samples of its placeholders as a list of objects, or @FILE",
        )
        add_section_usage(parser)
        add_wait(parser, what="wait for the answer of the templates role")

    def handle(self, *args: Any, section: str, file: Path, wait: float | None, **options: Any) -> None:
        """Send the command and, with --wait, report its result."""
        settings = get_settings()
        try:
            upload = Upload(
                section=section,
                name=options["name"] or section,
                html=read_template(file),
                set_as_active=not options["inactive"],
                width=options["width"],
                height=options["height"],
                output=_json("--output", options["output"], dict),
                javascript=options["javascript"],
                placeholders=_json("--placeholders", options["placeholders"], list),
                shared=options["shared"],
                private=options["private"],
            )
            command = upload.command(settings)
            with stop_on_signals() as stop:
                answer = _answer(stop, command, settings, wait)
        except StoppedError as error:
            raise CommandError(str(error), returncode=INTERRUPTED_STATUS) from error
        except (PostersError, PostersSettingsError) as error:
            raise CommandError(str(error)) from error
        if answer is None:
            self.stdout.write(f"Sent {file} as command {command.event_id}. Whether it is accepted, --wait tells.")
            return
        if not isinstance(answer, TemplateUploaded):
            raise CommandError("\n".join(problem_line(file, error) for error in answer.errors))
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
    deadline = time.monotonic() + wait
    answers = TemplateAnswers(settings, deadline=deadline)
    try:
        send(stop, command, settings, deadline=deadline)
        return answers.wait_for(stop, command, seconds=wait)
    finally:
        answers.close()


def _json(option: str, text: str | None, kind: type[Any]) -> Any:
    """Return what an option holds, written out or as `@file`. Raises RequestError."""
    if text is None:
        return None
    try:
        value = orjson.loads(Path(text[1:]).read_bytes() if text.startswith("@") else text)
    except OSError as error:
        raise RequestError(f"{option}: {text[1:]} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise RequestError(f"{option}: that is not JSON: {error}") from error
    if not isinstance(value, kind):
        raise RequestError(f"{option}: write {'an object, in braces' if kind is dict else 'a list, in brackets'}")
    return value
