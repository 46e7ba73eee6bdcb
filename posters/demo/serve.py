"""Serves the example site on embedded parts, to try in a browser."""

import asyncio
import socket
import sys
import time
from pathlib import Path
from typing import Final

import click

from posters.demo.parts import embedded_parts
from posters.demo.processes import Processes
from posters.demo.run import EXAMPLE, directories, environment_of, set_up_parts, start_site

POLL_SECONDS: Final = 0.2
USER: Final = "demo"

READY = """The site:   http://127.0.0.1:{port}/
Its admin:  http://127.0.0.1:{port}/admin/   user {user}, password {user}
Ctrl-C ends it; its logs are in {logs}"""


def serve_demo(out: Path, port: int) -> None:
    """Serve the site and the workers until Ctrl-C. Raises OperationError where a process of it ends."""
    logs, storage = directories(out)
    with embedded_parts() as parts:
        environment = {
            **environment_of(parts, storage),
            "POSTERS_PUBLIC_URL": f"http://127.0.0.1:{port}/files",
            "POSTER_FILES": str(storage.absolute()),
            "DJANGO_SUPERUSER_PASSWORD": USER,
        }
        processes = Processes(logs, environment)
        try:
            asyncio.run(set_up_parts(environment))
            start_site(processes)
            _open(processes, port)
            click.echo(READY.format(port=port, user=USER, logs=logs))
            while True:
                processes.check()
                time.sleep(POLL_SECONDS)
        except KeyboardInterrupt:
            click.echo("ending")
        finally:
            processes.stop()


def _open(processes: Processes, port: int) -> None:
    manage = [sys.executable, "manage.py"]
    user = ["createsuperuser", "--noinput", "--username", USER, "--email", "demo@example.com"]
    processes.run("superuser", [*manage, *user], EXAMPLE)
    processes.start("site", [*manage, "runserver", f"127.0.0.1:{port}", "--noreload"], EXAMPLE)
    while not _answers(port):
        processes.check()
        time.sleep(POLL_SECONDS)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
