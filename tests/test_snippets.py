"""The code in the documentation runs as written."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
DJANGO = ROOT / "docs" / "django.md"
EXAMPLES = ROOT / "schemas" / "examples"
TIMEOUT_SECONDS = 60.0
SITE = "shop"
SAVE = """
from django.core.management import call_command
from shop.posters import save_testimonial

save_testimonial("Ada", "It works.")
call_command("relay_posters", once=True)
"""


def snippets(document: Path) -> dict[str, str]:
    """Return the Python snippets of a document by the file named in their first line, or "" without one."""
    found = {}
    for body in re.findall(r"```python\n(.*?)```", document.read_text(encoding="utf-8"), re.DOTALL):
        named = re.match(r"# (\S+\.py)\b", body)
        found[named[1] if named else ""] = body
    return found


def example(path: str, **changes: Any) -> dict[str, Any]:
    """Return a golden example of the contract, with some fields changed."""
    body: dict[str, Any] = json.loads((EXAMPLES / path).read_text(encoding="utf-8"))
    return body | changes


def publish(broker: str, *events: dict[str, Any]) -> None:
    """Publish outcomes, in order."""
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 0})
    for event in events:
        producer.produce("poster-completions", key=event["job_id"], value=json.dumps(event))
    assert producer.flush(10) == 0


@contextmanager
def running(command: list[str | Path], directory: Path, broker: str) -> Iterator[subprocess.Popen[str]]:
    """Run a process in the background; SIGINT ends it."""
    environment = {**os.environ, "POSTERS_BROKERS": broker}
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=directory,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=TIMEOUT_SECONDS)


def printed(process: subprocess.Popen[str], count: int) -> list[str]:
    """Wait for `count` lines of output and return them."""
    assert process.stdout is not None
    return [process.stdout.readline().strip() for _ in range(count)]


@pytest.fixture
def consumer_snippet(tmp_path: Path) -> Path:
    """The README's consumer, written to a file."""
    path = tmp_path / "consume.py"
    path.write_text(snippets(README)[""], encoding="utf-8")
    return path


def test_consumer_of_the_readme_keeps_the_first_outcome(broker: str, tmp_path: Path, consumer_snippet: Path) -> None:
    """The README's consumer reports the first outcome of each generation once, also after a restart."""
    completed = example("poster.completed/1/testimonial.json")
    same = {name: completed[name] for name in ("job_id", "poster_index", "entity_id", "generation")}
    contradicting = example("poster.failed/1/missing-data.json", **same)
    replayed = completed | {"generation": completed["generation"] + 1}
    erased = example("poster.erased/1/by-job.json", **same)
    last = example("poster.failed/1/missing-data.json", job_id="last", entity_id="last")
    line = f"{completed['entity_id']} completed {completed['url']}"

    with running([consumer_snippet], tmp_path, broker) as process:
        publish(broker, completed, contradicting, erased, replayed)
        assert printed(process, 2) == [line, line]

    with running([consumer_snippet], tmp_path, broker) as process:
        publish(broker, contradicting, replayed, last | {"job_id": completed["job_id"], "poster_index": 9})
        [only] = printed(process, 1)

    assert only.startswith("last failed {")


class Site:
    """A Django site built from a document's snippets, as a reader would build it."""

    def __init__(self, directory: Path, files: dict[str, str], broker: str) -> None:
        self.directory = directory
        self._broker = broker
        self._run("-m", "django", "startproject", "website", ".")
        for app in ("shop", "shop/migrations"):
            (directory / app).mkdir()
            (directory / app / "__init__.py").touch()
        for path, body in files.items():
            with (directory / path).open("a", encoding="utf-8") as file:
                file.write(body)
        with (directory / "website" / "settings.py").open("a", encoding="utf-8") as file:
            file.write(f"POSTERS['BOOTSTRAP_SERVERS'] = {broker!r}\n")

    def manage(self, *arguments: str) -> str:
        """Run a management command of the site and return its output."""
        return self._run("manage.py", *arguments)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return sqlite3.connect(self.directory / "db.sqlite3").execute(query).fetchall()

    def _run(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=self.directory, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


def first_request(broker: str) -> dict[str, Any]:
    """Return the first record of poster-requests."""
    consumer = Consumer({"bootstrap.servers": broker, "group.id": "test", "auto.offset.reset": "earliest"})
    consumer.subscribe(["poster-requests"])
    try:
        message = consumer.poll(TIMEOUT_SECONDS)
    finally:
        consumer.close()
    assert message is not None
    body: dict[str, Any] = json.loads(message.value() or b"")
    return body


def eventually(question: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Poll `question` until it is true. Fails after a timeout, or when the process ends."""
    until = time.monotonic() + TIMEOUT_SECONDS
    while not question():
        assert time.monotonic() < until, "the condition did not become true in time"
        assert process.poll() is None, "the process ended"
        time.sleep(0.05)


@pytest.mark.parametrize("document", [README, DJANGO], ids=lambda path: path.name)
def test_django_snippets_make_a_site_that_gets_its_posters(document: Path, broker: str, tmp_path: Path) -> None:
    """A site built from the document's snippets requests a poster and shows its address when it is finished."""
    files = {path: body for path, body in (snippets(DJANGO) | snippets(document)).items() if path}
    site = Site(tmp_path, files, broker)
    site.manage("makemigrations", "shop")
    site.manage("migrate")
    site.manage("test", "shop")
    site.manage("shell", "-c", SAVE)

    request = first_request(broker)
    same = {name: request[name] for name in ("job_id", "entity_id", "source", "metadata")}
    completed = example("poster.completed/1/testimonial.json", **same)
    publish(broker, completed)
    with running(["manage.py", "consume_posters"], tmp_path, broker) as process:
        shown = [(completed["url"],)]
        eventually(lambda: site.rows("SELECT poster_url FROM shop_testimonial") == shown, process)

    assert process.returncode == 0
    assert request["source"] == SITE
    assert request["custom_data"] == {"author": "Ada", "quote": "It works."}
    assert request["metadata"] == {"user_id": 7}
