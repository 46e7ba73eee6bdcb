"""The example site: in this process on the test's database, and as child processes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest import mock

from django.conf import settings
from django.db import connections
from django.test import override_settings
from testimonials.models import Testimonial
from website.database import parse_database_url

MANAGE = Path(__file__).parents[3] / "example" / "manage.py"
NAME = "example"


class Site:
    """A context manager: this process uses the site's database, and the exit terminates the child processes."""

    def __init__(self, *, database_url: str, broker: str) -> None:
        self.database_url = database_url
        self.broker = broker
        self._processes: list[subprocess.Popen[str]] = []
        posters = settings.POSTERS | {"BOOTSTRAP_SERVERS": broker, "SITE": NAME}
        self._settings = override_settings(POSTERS=posters, ALLOWED_HOSTS=["*"])

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py and wait for it."""
        done = subprocess.run(
            [sys.executable, MANAGE, *command],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def start(self, *command: str, captured: bool = False) -> subprocess.Popen[str]:
        """Start a command of manage.py. Without `captured` its output goes to that of the test."""
        pipe = subprocess.PIPE if captured else None
        arguments = [sys.executable, MANAGE, *command]
        process = subprocess.Popen(arguments, env=self._environment, text=True, stdout=pipe, stderr=pipe)
        self._processes.append(process)
        return process

    @contextmanager
    def forking(self, command: str) -> Iterator[Callable[[], int]]:
        """Give a function that forks a prepared command of manage.py and returns its process id."""
        environment = self._environment | {
            "PYTHONPATH": os.pathsep.join(filter(None, (str(MANAGE.parent), os.environ.get("PYTHONPATH")))),
            "DJANGO_SETTINGS_MODULE": "website.settings",
        }
        arguments = [sys.executable, Path(__file__).with_name("forking.py"), command]
        with subprocess.Popen(
            arguments, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            output, orders = process.stdout, process.stdin

            def start() -> int:
                orders.write("\n")
                orders.flush()
                return int(output.readline())

            yield start
            orders.close()

    def __enter__(self) -> Self:
        _use_database(self.database_url)
        self._settings.enable()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for process in self._processes:
            process.terminate()  # a consumer that is killed stays in its group for a session timeout
        for process in self._processes:
            with process:
                process.wait(30)
        self._settings.disable()
        forget_connections()

    @property
    def _environment(self) -> dict[str, str]:
        return os.environ | {"DATABASE_URL": self.database_url, "POSTERS_BROKERS": self.broker, "DJANGO_SITE": NAME}


def make_testimonial(**fields: Any) -> Testimonial:
    """Save a testimonial."""
    given = {"author": "Maya", "quote": "They just appear.", "rating": 4.5, "role": "Head", "company": "Northlight"}
    return Testimonial.objects.create(**(given | fields))


def until(holds: Callable[[], bool], *, seconds: float = 30) -> None:
    """Return once `holds()`; fail if it never does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"still not after {seconds} s"
        time.sleep(0.01)


def forget_connections() -> None:
    """Close this thread's connections, so that the next test does not use this test's database."""
    # Allow it in async tests too, where Django refuses to close connections that an earlier test left open.
    with mock.patch.dict(os.environ, {"DJANGO_ALLOW_ASYNC_UNSAFE": "1"}):
        connections.close_all()
    if hasattr(connections._connections, "default"):
        delattr(connections._connections, "default")


def _use_database(url: str) -> None:
    forget_connections()
    connections.settings = connections.configure_settings({"default": parse_database_url(url)})
