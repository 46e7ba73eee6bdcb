"""The systemd units of the two commands: options that exist, a check that restarts, and no more rights than needed."""

import configparser
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import load_command_class
from django_posters.management.heartbeat import MAX_AGE_SECONDS
from django_posters.models import OutboxEvent

from django_posters import request_poster
from django_tests.site import MANAGE, Site, make_testimonial
from tests.packaging.heartbeat_check import AGES, HANGS, verdicts
from tests.packaging.test_systemd import calls_of

DEPLOY = Path(__file__).parents[3] / "deploy"
COMMANDS = ("relay_posters", "consume_posters")
UNITS = ("posters-site@.service", "posters-site-check@.service", "posters-site-check@.timer")
EXPOSURE = {"posters-site@.service": 1.4, "posters-site-check@.service": 1.7}
"""What `systemd-analyze security` says of each; 10 is the worst."""
HEARTBEAT = "/run/posters-site-%i/heartbeat"


def section(unit: str, name: str) -> dict[str, str]:
    """Return a section of a unit; of settings that stand more than once the last."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / unit)
    return dict(parser[name])


@pytest.mark.parametrize("unit", UNITS)
def test_units_have_no_mistakes(unit: str) -> None:
    """`systemd-analyze verify` knows every setting and value; only the programs are not here."""
    done = subprocess.run(["systemd-analyze", "verify", DEPLOY / unit], capture_output=True, text=True, check=False)

    assert [line for line in done.stderr.splitlines() if "is not executable" not in line and line.strip()] == []


@pytest.mark.parametrize("unit", EXPOSURE)
def test_exposure_stays_low(unit: str) -> None:
    """`systemd-analyze security` finds no unit more exposed than it was."""
    threshold = f"--threshold={EXPOSURE[unit] * 10:.0f}"

    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", threshold, DEPLOY / unit],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-400:] + done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_options_of_the_units_exist(command: str) -> None:
    """The command parses what the unit calls it with."""
    service = section(UNITS[0], "Service")
    parser = load_command_class("django_posters", command).create_parser("manage.py", command)
    called = service["ExecStart"].replace("$POSTERS_OPTIONS", "--metrics-address 127.0.0.1:9101").split("%i ", 1)[1]

    assert str(parser.parse_args(called.split()).heartbeat_file) == HEARTBEAT
    assert (service["Restart"], section(UNITS[0], "Unit")["StartLimitIntervalSec"]) == ("always", "0")


def test_only_a_command_that_hangs_is_restarted(tmp_path: Path) -> None:
    """The condition holds for an old heartbeat, not for a fresh one or before the first, and runs no code of the site.

    An error of new code or settings during a deployment restarts no command that works.
    """
    condition = section(UNITS[1], "Service")["ExecCondition"].removeprefix("/bin/sh -c '").removesuffix("'")

    assert verdicts(condition.replace("$$", "$"), HEARTBEAT, tmp_path) == HANGS
    assert not re.search(r"python|manage|/srv", "".join(section(UNITS[1], "Service").values()))
    assert AGES["young"] < MAX_AGE_SECONDS < AGES["old"]
    assert section(UNITS[1], "Service")["ExecStart"] == "+/usr/bin/systemctl try-restart posters-site@%i.service"


def test_relay_publishes_under_the_filter_of_its_unit(site: Site, tmp_path: Path) -> None:
    """The system calls that the unit leaves are those that Django, the database driver and the Kafka client need."""
    filters = [
        line.partition("=")[2]
        for line in (DEPLOY / UNITS[0]).read_text(encoding="utf-8").splitlines()
        if line.startswith("SystemCallFilter=")
    ]
    allowed, denied = filters
    calls = calls_of(allowed) - calls_of(denied.removeprefix("~"))
    profile = {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{"names": sorted(calls), "action": "SCMP_ACT_ALLOW"}]}
    file = tmp_path / "profile.json"
    file.write_text(json.dumps(profile), encoding="utf-8")
    request_poster(make_testimonial())

    filtered = [sys.executable, MANAGE.parents[1] / "scripts" / "with_seccomp.py", file]

    done = subprocess.run(
        [*filtered, sys.executable, MANAGE, "relay_posters", "--once"],
        env=site._environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "1 events published\n", done.stderr
    assert not OutboxEvent.objects.exists()
