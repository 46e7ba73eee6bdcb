"""Runs a command in a root file system as a container runtime would that is told to permit little."""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Final

import psutil

from tests.image.dockerfile import Stage

ROOT: Final = Path(__file__).parents[2]
_TRIAL: Final = "/opt/trial"
"""Where the profile and the script that applies it are, beside the image's own files."""
_CONFINE: Final = """
mount --bind "$1" "$1"
cd "$1"
mount -t proc proc proc
mount -t tmpfs -o size=1g,mode=1777 tmpfs tmp
mount --rbind /dev dev
mount -o remount,bind,ro .
pivot_root . .
umount -l .
shift
cd "$1"
shift
exec "$@"
"""


def prepare(stage: Stage) -> None:
    """Put the seccomp profile and what applies it into the file system."""
    place = stage.root / _TRIAL.lstrip("/")
    place.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "scripts" / "with_seccomp.py", place)
    shutil.copy(ROOT / "docker" / "chromium-seccomp.json", place)


def start(
    stage: Stage, arguments: Sequence[str], environment: Mapping[str, str], output: IO[str]
) -> subprocess.Popen[str]:
    """Start the image's entry point with these arguments; what it prints goes to `output`.

    Its root is read-only, /tmp is in memory, it is the image's user, has no capabilities, gains no privileges, sees
    only its own processes, and is under the seccomp profile of render.
    """
    user, _, group = stage.user.partition(":")
    assert user.isdecimal(), f"the image's user is `{stage.user}`, and has to be a number"
    command = [
        "unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private", "sh", "-euc", _CONFINE, "sh",
        str(stage.root), stage.directory,
        "setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--no-new-privs", "--inh-caps=-all",
        "--bounding-set=-all",
        "/usr/bin/python3", f"{_TRIAL}/with_seccomp.py", f"{_TRIAL}/chromium-seccomp.json",
        *stage.entrypoint, *arguments,
    ]  # fmt: skip
    given = {**stage.environment, "HOME": "/tmp", "TMPDIR": "/tmp", **environment}  # noqa: S108 - of a container
    return subprocess.Popen(command, env=given, stdout=output, stderr=output, text=True)


def stop(process: subprocess.Popen[str], seconds: float = 60) -> int:
    """Send TERM to the entry point, as a runtime does; return its exit code. Kills it where it does not end."""
    try:
        for child in psutil.Process(process.pid).children():
            child.terminate()
        return process.wait(seconds)
    finally:
        process.kill()


def run(stage: Stage, arguments: Sequence[str], environment: Mapping[str, str], seconds: float = 180) -> str:
    """Run it to its end; return what it printed. Raises AssertionError where it fails."""
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        process = start(stage, arguments, environment, output)
        code = process.wait(seconds)
        output.seek(0)
        text = output.read()
    print(f"$ {' '.join([*stage.entrypoint[-1:], *arguments])}\n{text}", flush=True)
    assert code == 0, f"`{' '.join(arguments)}` ended with {code}"
    return text
