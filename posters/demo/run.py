"""The demo: runs the example site and the workers on embedded parts, with the code paths of production."""

import asyncio
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import asyncpg
import click

from agents.settings import read_settings
from posters.demo.parts import Parts, embedded_parts
from posters.demo.processes import Processes
from posters.demo.results import Result, ResultReader
from posters.operations.errors import OperationError
from posters.operations.setup import set_up

EXAMPLE: Final = Path(__file__).parents[2] / "example"
SECTION: Final = "testimonial"
TIMEOUT_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.1

OnProgress = Callable[[int, int], None]


def run_demo(out: Path, on_progress: OnProgress) -> list[Result]:
    """Save testimonials, wait for their posters and return the result of each. Raises OperationError."""
    logs, storage = directories(out)
    with embedded_parts() as parts:
        environment = environment_of(parts, storage)
        processes = Processes(logs, environment)
        try:
            asyncio.run(set_up_parts(environment))
            return asyncio.run(_results(parts, processes, start_site(processes), on_progress))
        finally:
            processes.stop()


def directories(out: Path) -> tuple[Path, Path]:
    """Make the directories of logs and of storage, and return them. Raises OperationError without the example site."""
    if not (EXAMPLE / "manage.py").exists():
        raise OperationError(f"the demo runs the example site, which is not in {EXAMPLE}; run it in a clone")
    logs, storage = out / "logs", out / "storage"
    for directory in (logs, storage):
        directory.mkdir(parents=True, exist_ok=True)
    return logs, storage


def environment_of(parts: Parts, storage: Path) -> dict[str, str]:
    """Return the settings of the demo's processes."""
    return {
        "POSTERS_BROKERS": parts.brokers,
        "POSTERS_DATABASE_URL": parts.database_url,
        "POSTERS_STORAGE_URL": storage.absolute().as_uri(),
        # An embedded broker does not wake a waiting fetch.
        "POSTERS_FETCH_WAIT": "0.02",
        "DATABASE_URL": parts.site_database_url,
    }


async def set_up_parts(environment: Mapping[str, str]) -> None:
    """Create topics and tables, and print what was done. Raises OperationError, UnavailableError."""
    async for sentence in set_up(read_settings(environment)):
        click.echo(sentence)


def start_site(processes: Processes) -> dict[str, str]:
    """Start the worker and the site, let it request its posters, and return the authors by job id."""
    manage = [sys.executable, "manage.py"]
    processes.start("worker", [sys.executable, "-m", "posters", "worker"], EXAMPLE.parent)
    click.echo("site: creating its tables")
    processes.run("migrate", [*manage, "migrate", "--verbosity", "0"], EXAMPLE)
    for name in ("relay_posters", "consume_posters"):
        processes.start(name, [*manage, name], EXAMPLE)
    click.echo("site: uploading its template, and waiting for the workers to start")
    template = EXAMPLE / "testimonials" / "posters" / f"{SECTION}.html"
    processes.run("upload", [*manage, "upload_poster_template", SECTION, str(template), "--wait", "60"], EXAMPLE)
    click.echo("site: saving testimonials, each with a request for a poster")
    lines = processes.run("load", [*manage, "load_testimonials"], EXAMPLE).splitlines()
    return {job_id: author for _, job_id, author in (line.split("\t") for line in lines)}


async def _results(
    parts: Parts, processes: Processes, authors: dict[str, str], on_progress: OnProgress
) -> list[Result]:
    recorded, site = await asyncpg.connect(parts.database_url), await asyncpg.connect(parts.site_database_url)
    try:
        reader = ResultReader(recorded, site)
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            results = await reader.results(authors)
            on_progress(sum(result.is_done for result in results), len(results))
            if all(result.is_done or result.status == "failed" for result in results):
                return results
            if time.monotonic() > deadline:
                return results
            processes.check()
            await asyncio.sleep(POLL_SECONDS)
    finally:
        await recorded.close()
        await site.close()
