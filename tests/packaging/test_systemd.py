"""The systemd unit restarts a worker, gives it time to drain, and lets it do no more than it needs."""

import configparser
import subprocess
from pathlib import Path
from typing import Any

from agents.settings import Settings
from posters.worker import STOP_SECONDS
from tests.packaging.seccomp_trial import draw

UNIT = Path(__file__).parents[2] / "deploy" / "posters@.service"
EXPOSURE = 2.5
"""What `systemd-analyze security` says of the unit; 10 is the worst. Without its hardening it is 9.6."""


def service() -> dict[str, str]:
    """Return the section of the service; of settings that stand more than once the last."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNIT)
    return dict(unit["Service"]) | {"StartLimitIntervalSec": unit["Unit"]["StartLimitIntervalSec"]}


def test_systemd_starts_a_worker_again_whatever_ended_it() -> None:
    """The unit restarts always and without limit, and waits for a drain before SIGKILL."""
    unit = service()

    assert unit["ExecStart"].endswith("/posters worker %i")
    assert unit["Restart"] == "always"
    assert unit["StartLimitIntervalSec"] == "0"
    assert float(unit["TimeoutStopSec"]) > Settings().drain_timeout + STOP_SECONDS


def test_exposure_stays_low() -> None:
    """`systemd-analyze security` finds the unit no more exposed than it was."""
    command = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE * 10:.0f}", str(UNIT)]

    result = subprocess.run(command, capture_output=True, text=True, check=False)

    assert result.returncode == 0, result.stdout[-400:] + result.stderr


def test_unit_has_no_mistakes() -> None:
    """`systemd-analyze verify` knows every setting and value; only the program is not here."""
    result = subprocess.run(["systemd-analyze", "verify", UNIT], capture_output=True, text=True, check=False)

    assert [line for line in result.stderr.splitlines() if "is not executable" not in line and line.strip()] == []


def calls_of(filter_: str) -> set[str]:
    """Return the system calls of a SystemCallFilter, its groups resolved."""
    found: set[str] = set()
    groups = filter_.split()
    while groups:
        name = groups.pop()
        if not name.startswith("@"):
            found.add(name)
            continue
        listed = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
        lines = (line.strip() for line in listed.stdout.splitlines()[1:])
        groups += [line for line in lines if line and not line.startswith("#")]
    return found


def test_chromium_draws_under_the_unit_s_filter_with_its_sandbox_on() -> None:
    """The calls and namespaces that the unit leaves are those that the browser needs."""
    unit = service()
    kept = sum(
        {"user": 0x10000000, "pid": 0x20000000, "net": 0x40000000}[kind] for kind in unit["RestrictNamespaces"].split()
    )
    calls = calls_of(unit["SystemCallFilter"]) - {"clone", "unshare", "clone3", "setns"}
    flags: dict[str, Any] = {"index": 0, "value": 0x7E020000 & ~kept, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}

    outcome = draw(
        {
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [
                {"names": sorted(calls), "action": "SCMP_ACT_ALLOW"},
                {"names": ["clone", "unshare"], "action": "SCMP_ACT_ALLOW", "args": [flags]},
                {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
            ],
        }
    )

    assert outcome.code == 0, outcome.output
    assert outcome.picture > 0, outcome.output
