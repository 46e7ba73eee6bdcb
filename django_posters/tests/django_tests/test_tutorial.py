"""The README's tutorial, executed step by step."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from django_tests.outcomes import URL, outcome
from django_tests.records import read_topic, write_topic
from django_tests.site import until
from schemas.codec import decode
from schemas.requests import PosterRequested
from schemas.templates import TemplateUpload
from schemas.topics import POSTER_COMPLETIONS, POSTER_REQUESTS, TEMPLATE_COMMANDS

README = Path(__file__).parents[2] / "README.md"
SAVE = """
from django.test import Client
from django.conf import settings
settings.ALLOWED_HOSTS = ["*"]
page = Client().post("/save/", {"author": "Ada", "quote": "It works."}, follow=True)
print(page.status_code, page.content.decode())
"""


def steps() -> list[str]:
    """Return the README's text of each numbered step."""
    return re.split(r"^### \d\. ", README.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]


class Reader:
    """Executes a step of the tutorial: writes its files and runs its commands."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def follow(self, step: str, *, replace: tuple[str, str] = ("", "")) -> None:
        """Execute the snippets of a step in order."""
        for language, body in re.findall(r"```(\w+)\n(.*?)```", step, re.DOTALL):
            if language == "bash":
                for line in body.splitlines():
                    self._type(line)
            elif language != "console":  # what runs until Ctrl-C
                self._write(body.replace(*replace) if replace[0] else body)

    def manage(self, *command: str) -> str:
        """Run a command of the site and return what it printed."""
        return self._run("manage.py", *command)

    def start(self, command: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "manage.py", command], cwd=self.directory)

    def _type(self, line: str) -> None:
        program, *arguments = shlex.split(line, comments=True)
        if program == "django-admin":
            self._run("-m", "django", *arguments)
        elif program == "python":
            self._run(*(each for each in arguments if each != "--wait"))  # no worker answers here
        else:
            assert program == "pip", line  # what it installs is installed here

    def _write(self, body: str) -> None:
        named = re.match(r"(?:#|<!--) (\S+\.\w+)(?: -->)?\n", body)
        assert named, body
        path = self.directory / named[1]
        path.parent.mkdir(parents=True, exist_ok=True)
        # Settings and URLs are appended to Django's files; other files are new or replaced.
        before = path.read_text(encoding="utf-8") if path.parent.name == "website" else ""
        path.write_text(before + "\n" + body, encoding="utf-8")

    def _run(self, *arguments: str) -> str:
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    """A reader with an empty directory."""
    return Reader(tmp_path)


def test_tutorial_is_the_first_link_of_the_repository() -> None:
    """Who opens the README is led to the ten minutes before anything else, and the heading that is linked is there."""
    front = README.parents[1].joinpath("README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", front)

    assert links[0] == "django_posters/README.md#ten-minutes"
    assert "\n## Ten minutes\n" in README.read_text(encoding="utf-8")


def test_first_half_needs_no_broker(reader: Reader) -> None:
    """Steps 1 to 4 give a site that passes its checks and tests and shows a placeholder, without a broker."""
    for step in steps()[:4]:
        reader.follow(step)

    page = reader.manage("shell", "-c", SAVE)

    assert "no issues" in reader.manage("check")
    assert page.splitlines()[-1].startswith("<img ") or "<img " in page
    assert 'data-poster-status="completed"' in page
    assert "data:image/svg+xml," in page


def test_second_half_gets_a_poster(reader: Reader, broker: str) -> None:
    """After step 5 the template is on its topic, a saved row requests a poster, and the poster appears on the page."""
    for step in steps():
        reader.follow(step, replace=("localhost:19092", broker))
    waiting = reader.manage("shell", "-c", SAVE)
    reader.manage("relay_posters", "--once")
    [request] = [decode(record.value(), PosterRequested) for record in read_topic(broker, POSTER_REQUESTS)]
    [upload] = [decode(record.value(), TemplateUpload) for record in read_topic(broker, TEMPLATE_COMMANDS)]

    write_topic(broker, POSTER_COMPLETIONS, [outcome(request.job_id, source="shop", entity_id=request.entity_id)])
    consumer = reader.start("consume_posters")
    show = "from django_posters.models import Poster; print(Poster.objects.get().url)"
    try:
        until(lambda: URL in reader.manage("shell", "-c", show), seconds=60)
    finally:
        consumer.terminate()
        consumer.wait(30)

    assert 'data-poster-status="queued"' in waiting
    assert "<progress data-posters-job=" in waiting
    assert (upload.section, request.custom_data) == ("testimonial", {"author": "Ada", "quote": "It works."})
