"""Tries a seccomp profile with Chromium: a user without privileges, with the browser's sandbox on."""

import functools
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from renderer.browser.chromium import find_chromium

Profile = dict[str, Any]

EVERYTHING: Final[Profile] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": []}
_SCRIPT: Final = Path(__file__).parents[2] / "scripts" / "with_seccomp.py"
_USER: Final = ["--reuid=10001", "--regid=10001", "--clear-groups"]
_UNPRIVILEGED: Final = ["--no-new-privs", "--inh-caps=-all", "--bounding-set=-all"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, and how many bytes of a picture it left."""

    code: int
    output: str
    picture: int


def under(profile: Profile, *command: str) -> Outcome:
    """Run a command under a profile, as another user if this one is root; `{home}` in it is a fresh directory."""
    privileges = [*_USER, *_UNPRIVILEGED] if os.geteuid() == 0 else _UNPRIVILEGED[:1]
    with tempfile.TemporaryDirectory(prefix="posters-seccomp-") as name:
        home = Path(name)
        home.chmod(0o777)
        file = home / "profile.json"
        file.write_text(json.dumps(profile), encoding="utf-8")
        environment = {"PATH": os.environ["PATH"], "HOME": name, "TMPDIR": name}
        result = subprocess.run(
            [sys.executable, _SCRIPT, file, "setpriv", *privileges, *(part.format(home=name) for part in command)],
            env=environment, cwd=home, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        picture = home / "picture.png"
        return Outcome(
            result.returncode, result.stdout + result.stderr, picture.stat().st_size if picture.exists() else 0
        )


def draw(profile: Profile) -> Outcome:
    """Draw a page with Chromium under a profile, its sandbox on. Skips where the machine forbids such a sandbox."""
    if not _machine_has_namespaces():
        pytest.skip("this machine forbids user namespaces, so Chromium has no sandbox here under any profile")
    return under(
        profile, str(find_chromium(None)), "--headless", "--disable-gpu", "--disable-dev-shm-usage",
        "--window-size=300,200", "--screenshot={home}/picture.png", "data:text/html,<h1>A poster</h1>",
    )  # fmt: skip


@functools.cache
def _machine_has_namespaces() -> bool:
    return under(EVERYTHING, "unshare", "--user", "--pid", "--net", "--fork", "true").code == 0
