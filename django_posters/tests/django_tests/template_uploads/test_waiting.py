"""`--wait`: a deployment waits for the answers to its templates, and no longer than it says."""

import threading
import time
import uuid
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django_posters.contract.codec import decode
from django_posters.contract.templates import TemplateAnswer
from django_posters.models import OutboxEvent, TemplateCommand
from django_posters.results.template_results import apply_answer

from django_tests.outcomes import NOW, version
from django_tests.site import Site, until
from schemas.codec import encode
from schemas.envelope import Envelope
from schemas.templates import TemplateError, TemplateRejected, TemplateUploaded, TemplateWarning


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `posters` of the site's app, with two templates."""
    monkeypatch.setattr(apps.get_app_config("testimonials"), "path", str(tmp_path))
    folder = tmp_path / "posters"
    folder.mkdir()
    for name in ("first", "second"):
        (folder / f"{name}.html").write_text("<p>{{ quote }}</p>")
    return folder


def rejected(command: TemplateCommand) -> TemplateRejected:
    problem = TemplateError(code="template_syntax", message="unexpected end", line=3, column=7)
    return TemplateRejected(
        event_id=uuid.uuid4(), occurred_at=NOW, command_id=command.pk, section=command.section, errors=[problem]
    )


def uploaded(command: TemplateCommand) -> TemplateUploaded:
    number = 1 if command.section == "first" else 2
    warning = TemplateWarning(code="javascript_off", message="scripts will not run")
    return version(number, command_id=command.pk, section=command.section, warnings=[warning])


def tell(event: Envelope) -> None:
    apply_answer(decode(encode(event), TemplateAnswer))


class Answers(threading.Thread):
    """Answers the commands as `consume_posters` would, from another thread; `refused` names a section."""

    def __init__(self, refused: str = "") -> None:
        super().__init__()
        self._refused = refused

    def run(self) -> None:
        """Answer both commands."""
        until(lambda: TemplateCommand.objects.count() == 2)
        for command in TemplateCommand.objects.all():
            tell(rejected(command) if command.section == self._refused else uploaded(command))
        connection.close()


def test_accepted_templates_end_the_wait(plain_site: Site, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Once every template is accepted the command ends well, and prints their warnings."""
    answers = Answers()
    answers.start()

    call_command("collect_poster_templates", "--wait", "60")
    answers.join()

    printed = capsys.readouterr()
    assert "2 templates are uploaded." in printed.out
    assert f"{files / 'first.html'}: javascript_off: scripts will not run" in printed.err


def test_refused_template_fails_the_deployment(plain_site: Site, files: Path) -> None:
    """One refused template is an error exit with file, line, column and reason."""
    answers = Answers(refused="second")
    answers.start()

    with pytest.raises(CommandError) as error:
        call_command("collect_poster_templates", "--wait", "60")
    answers.join()

    assert str(error.value) == f"{files / 'second.html'}:3:7: template_syntax: unexpected end"
    assert error.value.returncode == 1


def test_unanswered_template_fails_the_deployment_in_time(plain_site: Site, files: Path) -> None:
    """Without an answer the command ends after as long as it was told, with what to check for each template."""
    started = time.monotonic()

    with pytest.raises(CommandError) as error:
        call_command("collect_poster_templates", "--wait", "0.5")

    assert 0.5 <= time.monotonic() - started < 5
    assert (
        str(error.value).count("no answer within 0.5 s. It is still in the outbox: is `manage.py relay_posters`") == 2
    )
    assert OutboxEvent.objects.count() == 2


def test_upload_waits_no_longer_than_it_says(plain_site: Site, files: Path) -> None:
    """With a dead broker `--wait 1` is over long before the ten seconds after which the client gives up."""
    started = time.monotonic()

    with pytest.raises(CommandError, match="does it run at 127"):
        call_command("upload_poster_template", "quote", str(files / "first.html"), "--wait", "1")

    assert 1 <= time.monotonic() - started < 6


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "inf", "nan"])
def test_time_to_wait_is_a_number_of_seconds(plain_site: Site, seconds: str) -> None:
    """What is no time to wait is refused before anything is sent."""
    with pytest.raises(CommandError, match="is no time to wait"):
        call_command("collect_poster_templates", f"--wait={seconds}")

    assert not OutboxEvent.objects.exists()
