"""The management commands without a broker."""

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_posters import request_poster
from django_tests.conftest import NOWHERE
from django_tests.site import Site, make_testimonial


@pytest.mark.parametrize("command", [["relay_posters"], ["relay_posters", "--once"], ["consume_posters"]], ids=" ".join)
def test_without_a_broker_one_message_says_so(plain_site: Site, command: list[str]) -> None:
    """A command logs now and then that no broker is available, and Ctrl-C shuts it down gracefully."""
    request_poster(make_testimonial())
    process = plain_site.start(*command, captured=True)
    assert process.stderr is not None
    said = []
    while not said or "no broker is available at 127.0.0.1:9" not in said[-1]:
        said.append(process.stderr.readline())
        assert said[-1], said

    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)

    lines = [*said, *rest.splitlines()]
    assert "Traceback" not in rest
    assert len(lines) < 20, lines
    assert process.returncode == (1 if "CommandError: the broker did not take 1 events in 10 s" in rest else 0)


@pytest.mark.parametrize("command", [["relay_posters", "--once"], ["consume_posters"]], ids=" ".join)
def test_placeholders_need_no_command(plain_site: Site, command: list[Any]) -> None:
    """With the placeholder backend and no broker a command says that it is not needed, instead of waiting forever."""
    with (
        override_settings(POSTERS={"SITE": "shop", "BACKEND": "placeholder"}),
        pytest.raises(CommandError, match="neither a broker nor this command is needed"),
    ):
        call_command(*command)


def interrupted(process: subprocess.Popen[str], *, once_said: str) -> str:
    """Send Ctrl-C after a command has logged a text, and return what it logs after that."""
    assert process.stderr is not None
    said = ""
    while once_said not in said:
        said = process.stderr.readline()
        assert said
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=60)[1]


def test_interrupted_upload_ends_like_any_program(plain_site: Site, tmp_path: Path) -> None:
    """Ctrl-C during an upload ends with one message and the usual exit status."""
    template = tmp_path / "quote.html"
    template.write_text("<p>{{ quote }}</p>", encoding="utf-8")
    process = plain_site.start("upload_poster_template", "quote", str(template), captured=True)
    rest = interrupted(process, once_said="no broker is available")

    assert "CommandError: interrupted; it is unknown whether the template arrived" in rest
    assert "Traceback" not in rest
    assert process.returncode == 130


@pytest.mark.parametrize("command", [["relay_posters"], ["relay_posters", "--once"], ["consume_posters"]], ids=" ".join)
def test_missing_migrations_are_an_error(tmp_path: Path, command: list[str]) -> None:
    """Before `migrate` a command names the missing migration and exits, instead of retrying as for an outage."""
    site = Site(database_url=f"sqlite:///{tmp_path / 'empty.sqlite3'}", broker=NOWHERE)

    done = site.run(*command, check=False)

    assert "CommandError: posters.0001_initial is not applied to the database; run `manage.py migrate`" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_absent_database_ends_a_relay_that_runs_once(scheme: str) -> None:
    """With --once an unavailable database is an error with one message, without retries."""
    site = Site(database_url=f"{scheme}://nobody@{NOWHERE}/site", broker=NOWHERE)

    done = site.run("relay_posters", "--once", check=False)

    assert "CommandError: the database is unavailable: " in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(
    "command",
    [["relay_posters"], ["consume_posters"], ["upload_poster_template", "quote", __file__]],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"nonsense": 1}, 'No such configuration property: "nonsense"'),
        ({"security.protocol": "SSL", "ssl.ca.location": "/nowhere"}, "ssl.ca.location"),
    ],
    ids=["unknown", "unusable"],
)
def test_invalid_options_are_an_error(
    plain_site: Site, command: list[str], options: dict[str, Any], reason: str
) -> None:
    """An option that the Kafka client rejects ends a command with the reason and the setting to correct."""
    with (
        override_settings(POSTERS=settings.POSTERS | {"KAFKA_OPTIONS": options}),
        pytest.raises(CommandError, match=rf'{reason}.*correct POSTERS\["KAFKA_OPTIONS"\]'),
    ):
        call_command(*command)


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_relay_may_start_before_the_database(scheme: str) -> None:
    """A relay that starts while the database is unavailable waits for it, despite Django's own checks."""
    with Site(database_url=f"{scheme}://nobody@{NOWHERE}/site", broker=NOWHERE) as site:
        process = site.start("relay_posters", captured=True)
        rest = interrupted(process, once_said="the database is unavailable")

    assert "Traceback" not in rest
    assert process.returncode == 0
