"""The tutorial of docs/templates.md: each step is run as it is written, from the empty file to the stored poster."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

import pytest

from tests.flow.system import REPOSITORY, System

PAGE: Final = REPOSITORY / "docs" / "templates.md"
STEPS: Final = ["bash", "html", "text", "json", "bash", "html", "json", "bash", "bash"]
"""The blocks of the tutorial, in their order."""


def blocks() -> list[tuple[str, str, str]]:
    """Return the tutorial's blocks: language, the file to save it as (or ""), content."""
    page = PAGE.read_text(encoding="utf-8")
    section = page.partition("## From an empty file to a poster\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?:Save this as `([\w.]+)`:\n+)?```(\w+)\n(.*?)```", section, re.DOTALL)
    return [(language, name, content) for name, language, content in found]


def changed_in(step: str) -> tuple[str, str]:
    """Return what a step says to write, and instead of what."""
    page = PAGE.read_text(encoding="utf-8")
    found = re.search(rf"\*\*{step}.*?Write `(.+?)` instead of `(.+?)`", page, re.DOTALL)
    assert found is not None
    return found[1], found[2]


class Desk:
    """A designer's directory and terminal."""

    def __init__(self, directory: Path, environment: Mapping[str, str]) -> None:
        self.directory = directory
        self._environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}

    def save(self, name: str, content: str) -> None:
        """Save a file in one step, as most editors do."""
        new = self.directory / f"{name}.new"
        new.write_text(content, encoding="utf-8")
        new.replace(self.directory / name)

    def run(self, line: str) -> list[str]:
        """Run a command line to its end and return what it printed."""
        done = subprocess.run(
            self._command(line),
            cwd=self.directory,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    @contextmanager
    def running(self, line: str) -> Iterator["subprocess.Popen[str]"]:
        """Run a command line until the block ends, then press Ctrl-C."""
        process = subprocess.Popen(
            self._command(line),
            cwd=self.directory,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        assert process.returncode == 0

    def _command(self, line: str) -> list[str]:
        program, *arguments = shlex.split(line)
        return [sys.executable, "-m", "posters", *arguments] if program == "posters" else [program, *arguments]


def next_picture(process: "subprocess.Popen[str]") -> None:
    """Wait until the preview says that it has drawn."""
    assert process.stdout is not None
    assert process.stdout.readline().startswith("event.preview.png\t1080x1080\t")


def lines(stream: IO[str] | None, first: str, count: int) -> str:
    """Return `count` lines from the one on that starts with `first`."""
    assert stream is not None
    found = next(line for line in stream if line.startswith(first))
    return found + "".join(stream.readline() for _ in range(count - 1))


@pytest.fixture
def desk(tmp_path: Path, system: System) -> Desk:
    """An empty directory; only the last step uses the running system."""
    return Desk(tmp_path, system.environment)


def test_the_tutorial_leads_from_an_empty_file_to_a_stored_poster(desk: Desk, system: System) -> None:
    """Every block is used as it stands; what it promises comes true; the poster is the previewed picture."""
    steps = blocks()
    assert [language for language, *_ in steps] == STEPS
    (_, _, start), (_, page, first), (_, _, mistake), (_, data, values), (_, _, with_data), *rest = steps
    (_, _, second), (_, output, shapes), (_, _, shaped), (_, _, upload) = rest

    touch, watch = start.splitlines()
    desk.run(touch)
    with desk.running(watch) as preview:
        next_picture(preview)
        white = (desk.directory / "event.preview.png").read_bytes()
        desk.save(page, first)
        next_picture(preview)
        samples = (desk.directory / "event.preview.png").read_bytes()
        wrong, right = changed_in("3")
        desk.save(page, first.replace(right, wrong))
        assert lines(preview.stderr, "event.html:", 3) == mistake
        desk.save(page, first)
        next_picture(preview)
        assert (desk.directory / "event.preview.png").read_bytes() == samples != white

    desk.save(data, values)
    with desk.running(with_data.strip()) as preview:
        next_picture(preview)
        assert "`seats`" in lines(preview.stderr, "event.html: warning:", 1)
        real = (desk.directory / "event.preview.png").read_bytes()
        desk.save(page, second)
        next_picture(preview)
        assert (desk.directory / "event.preview.png").read_bytes() not in (real, samples)

    desk.save(output, shapes)
    made = [line.split("\t")[0] for line in desk.run(shaped.strip())]
    assert made == ["event.png", "event-square.png", "event-link.jpg", "event-print.pdf"]

    uploading, requesting = upload.splitlines()
    assert {line.split(":")[0].strip() for line in desk.run(uploading)[1:]} == {"title", "day", "seats", "accent"}
    job, completed, *_ = desk.run(requesting)
    outcome = system.outcome(job)
    assert outcome.url is not None
    assert outcome.url in completed
    stored = [system.stored(image.object_key)["Body"] for image in outcome.images]
    assert stored == [(desk.directory / name).read_bytes() for name in made[1:]]
