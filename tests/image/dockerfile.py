"""A Dockerfile's instructions, carried out in directories: what `docker build` does, as far as ours needs it.

Root file systems are directories, stages are copies of them, and RUN is a chroot in mount and process namespaces of its
own. `python:…-slim-…` is replaced by the release of Debian in its name, with that release's own Python. Needs root.
"""

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

_CHROOT: Final = """
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
exec chroot "$1" /bin/sh -c "cd '$2' && $3"
"""
_VARIABLE: Final = re.compile(r"\$\{?(\w+)\}?")
_CERTIFICATES: Final = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(slots=True)
class Stage:
    """A root file system in the making, and what its processes get."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    user: str = "root"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)


def instructions(text: str) -> Iterator[tuple[str, str]]:
    """Yield the instructions with their arguments, continued lines joined and comments left out."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n", " ", "\n".join(lines)).splitlines():
        word, _, rest = line.strip().partition(" ")
        yield word, rest.strip()


def context(directory: Path) -> list[str]:
    """Return the files of git that .dockerignore leaves in the build context."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=directory, capture_output=True, check=True).stdout.decode().split("\0")
    patterns = [
        line
        for line in (directory / ".dockerignore").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith("#")
    ]
    return [name for name in listed if name and (directory / name).exists() and not _ignored(name, patterns)]


def _ignored(name: str, patterns: list[str]) -> bool:
    ignored = False
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        if fnmatch(name, wanted) or name == wanted or name.startswith(wanted + "/"):
            ignored = not pattern.startswith("!")
    return ignored


class Builder:
    """Carries out a Dockerfile in `work`, a directory of its own, with the files of `source`.

    `dry`: the file systems are there already; only their environment, user and entry point are read.
    """

    def __init__(self, source: Path, work: Path, *, dry: bool = False) -> None:
        self._source = source
        self._work = work
        self._dry = dry
        self._arguments: dict[str, str] = {}
        self._stages: dict[str, Stage] = {}

    def stage(self, name: str) -> Stage:
        """Return a stage that was built."""
        return self._stages[name]

    def build(self) -> Stage:
        """Carry out every stage, and return the last."""
        stage: Stage | None = None
        for word, rest in instructions((self._source / "Dockerfile").read_text(encoding="utf-8")):
            print(f"{word} {rest[:110]}", flush=True)
            if word == "ARG":
                name, _, value = rest.partition("=")
                self._arguments[name] = value
            elif word == "FROM":
                stage = self._begin(rest)
            else:
                assert stage is not None, f"{word} before FROM"
                self._do(stage, word, rest)
        assert stage is not None
        return stage

    def _begin(self, rest: str) -> Stage:
        image, _, name = self._expanded(rest, {}).partition(" AS ")
        root = self._work / (name or "final")
        former = self._stages.get(image)
        if former is None:
            stage = Stage(root, {"PATH": "/usr/local/bin:/usr/bin:/usr/sbin:/bin:/sbin"})
        else:
            stage = Stage(root, dict(former.environment), former.directory)
        if not self._dry:
            shutil.rmtree(root, ignore_errors=True)
            copied = self._base(image) if former is None else former.root
            subprocess.run(["cp", "--archive", "--reflink=auto", copied, root], check=True)
        self._stages[name or "final"] = stage
        return stage

    def _base(self, image: str) -> Path:
        """Return the root file system in place of Docker's image of Python; made once."""
        release = image.rpartition("-")[2]
        base = self._work / f"base-{release}"
        if not (base / "usr/bin/pip").exists():
            shutil.rmtree(base, ignore_errors=True)
            packages = "ca-certificates,python3,python3-pip,python3-venv"
            subprocess.run(["debootstrap", "--variant=minbase", f"--include={packages}", release, base], check=True)
            # The machine's own authorities and index: a registry may be reached through a mirror.
            shutil.copy(_CERTIFICATES, base / str(_CERTIFICATES)[1:])
            shutil.copy("/etc/resolv.conf", base / "etc/resolv.conf")
            for settings in filter(Path.exists, [Path("/etc/pip.conf")]):
                shutil.copy(settings, base / str(settings)[1:])
        return base

    def _do(self, stage: Stage, word: str, rest: str) -> None:
        if word == "ENV":
            for assignment in shlex.split(self._expanded(rest, stage.environment)):
                name, _, value = assignment.partition("=")
                stage.environment[name] = value
        elif word == "WORKDIR":
            stage.directory = rest
            if not self._dry:
                _inside(stage, rest).mkdir(parents=True, exist_ok=True)
        elif word == "USER":
            stage.user = rest
        elif word in {"ENTRYPOINT", "CMD"}:
            words = [part.strip().strip('"') for part in rest.strip("[]").split(",")]
            setattr(stage, "entrypoint" if word == "ENTRYPOINT" else "command", words)
        elif self._dry:
            return
        elif word == "COPY":
            self._copy(stage, shlex.split(rest))
        else:
            assert word == "RUN", f"{word} is not known here"
            self._run(stage, rest)

    def _copy(self, stage: Stage, words: list[str]) -> None:
        *sources, target = words
        if sources[0].startswith("--from="):
            other = self._stages[sources.pop(0).removeprefix("--from=")]
            for source in sources:
                subprocess.run(["cp", "--archive", _inside(other, source), _inside(stage, target)], check=True)
            return
        place = _inside(stage, target if target.startswith("/") else f"{stage.directory}/{target}")
        for name in context(self._source):
            for source in sources:
                if source == name and not target.endswith("/") and not place.is_dir():  # the file gets this name
                    place.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(self._source / name, place, follow_symlinks=False)
                elif source in {".", name} or name.startswith(source + "/"):
                    below = name if source == "." else name[len(source) :].lstrip("/") or Path(name).name
                    (place / below).parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(self._source / name, place / below, follow_symlinks=False)

    def _run(self, stage: Stage, script: str) -> None:
        environment = {**_of_the_machine(), **stage.environment, "HOME": "/root", "PIP_BREAK_SYSTEM_PACKAGES": "1"}
        command = ["unshare", "--mount", "--pid", "--fork", "--propagation=private", "sh", "-euc", _CHROOT, "sh"]
        subprocess.run([*command, stage.root, stage.directory, script], env=environment, check=True)

    def _expanded(self, text: str, environment: Mapping[str, str]) -> str:
        known = {**self._arguments, **environment}
        return _VARIABLE.sub(lambda match: known.get(match[1], ""), text)


def _inside(stage: Stage, path: str) -> Path:
    """Return a path of the stage as one of this machine."""
    return stage.root / path.lstrip("/")


def _of_the_machine() -> dict[str, str]:
    """Return how package clients reach their registries here, and nothing else."""
    wanted = re.compile(r"(?i)(https?|no)_proxy|(PIP|UV)_\w*INDEX\w*|PIP_CERT|SSL_CERT_FILE|REQUESTS_CA_BUNDLE")
    return {"UV_SYSTEM_CERTS": "1", **{name: value for name, value in os.environ.items() if wanted.fullmatch(name)}}
