"""`posters status`: what is recorded of a job."""

import asyncio

import click
import orjson
from rich.console import Console
from rich.table import Table

from agents.settings import Settings, read_settings
from posters.main import CommandError
from posters.operations.jobs import Job, recorded_jobs
from schemas import limits

_COUNT = click.IntRange(min=0, max=limits.NUMBER_MAX)


@click.command()
@click.argument("job_id")
@click.option("--json", "as_json", is_flag=True, help="one JSON object")
@click.option(
    "--posters",
    type=click.IntRange(min=0, max=limits.NUMBER_MAX),
    default=50,
    show_default=True,
    help="how many posters to list",
)
def status(job_id: str, posters: int, *, as_json: bool) -> None:
    """Show the state of JOB_ID and of its posters, as the sink recorded them."""
    job = asyncio.run(_find(read_settings(), job_id, posters))
    if job is None:
        raise CommandError(f"job {job_id} is not recorded; if it was asked for just now, the sink may not have seen it")
    if as_json:
        click.echo(orjson.dumps({**job.row, "posters": job.posters}, option=orjson.OPT_UTC_Z))
    else:
        _show(job)


async def _find(settings: Settings, job_id: str, posters: int) -> Job | None:
    async with recorded_jobs(settings) as jobs:
        return await jobs.find(job_id, posters)


def _show(job: Job) -> None:
    row = job.row
    click.echo(
        f"{row['job_id']}  {row['status']}: {row['success_count']} completed, {row['failure_count']} failed, "
        f"{row['cancelled_count']} cancelled of {row['total_count']}"
    )
    table = Table("index", "entity", "status", "ms", "url or error", box=None)
    for poster in job.posters:
        reason = f"{poster['error_code']}: {poster['error_message']}" if poster["error_code"] else ""
        milliseconds = "" if poster["generation_time_ms"] is None else str(poster["generation_time_ms"])
        table.add_row(
            str(poster["poster_index"]),
            poster["entity_id"],
            poster["status"],
            milliseconds,
            poster["output_url"] or reason,
        )
    Console(soft_wrap=True).print(table)
