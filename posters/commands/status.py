"""`posters status`: the recorded state of a job."""

import asyncio

import click
import orjson

from agents.settings import read_settings
from posters.commands.terminal import say, say_rows
from posters.main import CommandError
from posters.operations.jobs import Job, find_job
from schemas import limits
from streams.printable import printable


@click.command()
@click.argument("job_id")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.option(
    "--posters",
    type=click.IntRange(min=0, max=limits.NUMBER_MAX),
    default=50,
    show_default=True,
    help="how many posters to list",
)
def status(job_id: str, posters: int, *, as_json: bool) -> None:
    """Show the state of JOB_ID and of its posters, as the sink recorded them."""
    job = asyncio.run(find_job(read_settings(), job_id, posters))
    if job is None:
        raise CommandError(
            f"job {job_id} is not recorded; if it was requested just now, the sink may not have written it yet"
        )
    if as_json:
        document = orjson.dumps({**job.row, "posters": job.posters}, option=orjson.OPT_UTC_Z)
        click.echo(printable(document.decode()))
    else:
        _show(job)


def _show(job: Job) -> None:
    row = job.row
    say(
        f"{row['job_id']}  {row['status']}: {row['success_count']} completed, {row['failure_count']} failed, "
        f"{row['cancelled_count']} cancelled of {row['total_count']}"
    )
    say_rows(
        ("index", "entity", "status", "ms", "url or error"),
        (
            (
                str(poster["poster_index"]),
                poster["entity_id"],
                poster["status"],
                "" if poster["generation_time_ms"] is None else str(poster["generation_time_ms"]),
                poster["output_url"]
                or (f"{poster['error_code']}: {poster['error_message']}" if poster["error_code"] else ""),
            )
            for poster in job.posters
        ),
    )
