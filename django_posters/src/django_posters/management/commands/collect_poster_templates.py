"""`manage.py collect_poster_templates`: upload the templates of all installed apps through the outbox."""

from collections.abc import Sequence, Sized
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from django_posters.contract.templates import TemplateError
from django_posters.database import UNAVAILABLE, database_alias
from django_posters.errors import PostersError
from django_posters.management.section_usage import add_section_usage
from django_posters.management.signal_handling import stop_on_signals
from django_posters.management.waiting import INTERRUPTED_STATUS, add_wait
from django_posters.models import TemplateCommand
from django_posters.template_uploads.commands import advice_now, upload_template
from django_posters.template_uploads.discovery import (
    find_templates,
    options_without_template,
    places_searched,
    read_upload,
)
from django_posters.template_uploads.problems import problem_line
from django_posters.template_uploads.waiting import wait_for_answers


class Command(BaseCommand):
    """For deployments: uploads all templates of the site's apps, or none of them."""

    help = "Upload posters/<section>.html of every app through the outbox; unchanged templates make no new version."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --inactive, --shared, --private and --wait."""
        parser.add_argument("--inactive", action="store_true", help="do not make these versions active")
        add_section_usage(parser)
        add_wait(parser, what="fail where a template is refused or not answered; relay and consumer have to run")

    def handle(self, *args: Any, inactive: bool, wait: float | None, **options: Any) -> None:
        """Write the commands in one transaction and, with --wait, report their answers."""
        found = find_templates()
        usage = {"shared": options["shared"], "private": options["private"]}
        sent: list[TemplateCommand] = []
        try:
            with transaction.atomic(using=database_alias()):
                for section, path in found.items():
                    sent.append(upload_template(read_upload(section, path, set_as_active=not inactive, **usage)))
        except PostersError as error:
            raise CommandError(f"{path}: {error}; nothing was uploaded") from error
        for section, path in found.items():
            self.stdout.write(f"{section}: {path}")
        for path in options_without_template():
            self.stderr.write(f"{path} is not read: there is no {path.with_suffix('.html').name} beside it")
        if not found:
            self.stderr.write(f"no template was found: {places_searched()}")
        if wait is None or not found:
            self.stdout.write(f"{_counted(found)} in the outbox; `manage.py relay_posters` sends what is there.")
            return
        with stop_on_signals() as stop:
            try:
                answered = wait_for_answers(stop, sent, seconds=wait)
            except UNAVAILABLE as error:
                raise CommandError(
                    f"the database is unavailable: {error}; whether they were accepted, the admin shows"
                ) from error
            self._report(list(found.values()), answered, seconds=wait, interrupted=stop.is_set())

    def _report(
        self, files: Sequence[Path], answered: Sequence[TemplateCommand], *, seconds: float, interrupted: bool
    ) -> None:
        problems: list[str] = []
        for path, command in zip(files, answered, strict=True):
            for warning in command.warnings:
                self.stderr.write(f"{path}: {warning['code']}: {warning['message']}")
            match command.state:
                case TemplateCommand.State.REJECTED:
                    problems += [problem_line(path, TemplateError(**error)) for error in command.errors]
                case TemplateCommand.State.SENT if not interrupted:
                    problems.append(f"{path}: no answer within {seconds:g} s. {advice_now(command)}")
                case TemplateCommand.State.SENT:
                    problems.append(f"{path}: interrupted before there was an answer")
        if problems:
            raise CommandError("\n".join(problems), returncode=INTERRUPTED_STATUS if interrupted else 1)
        self.stdout.write(f"{_counted(answered)} uploaded.")


def _counted(templates: Sized) -> str:
    return "1 template is" if len(templates) == 1 else f"{len(templates)} templates are"
