"""`posters watch`: follow a job."""

import asyncio
import time

import click

from agents.settings import Settings, read_settings
from posters.main import CommandError
from posters.operations.follow import progress_bar
from posters.operations.jobs import Job, recorded_jobs

POLL_SECONDS = 0.3


@click.command()
@click.argument("job_id")
@click.option("--timeout", type=float, default=3600.0, show_default=True, help="seconds to wait at most")
def watch(job_id: str, timeout: float) -> None:
    """Show the progress of JOB_ID until all of its posters have ended; fail where one was not made."""
    job = asyncio.run(_follow(read_settings(), job_id, timeout))
    if job is None:
        raise CommandError(f"job {job_id} was not recorded within {timeout:g} s; see `posters doctor`")
    if not job.ended:
        raise CommandError(f"job {job_id} is {job.row['status']} after {timeout:g} s: {job.done} posters have ended")
    click.echo(f"{job_id} {job.row['status']}")
    if job.row["success_count"] < job.row["total_count"]:
        raise CommandError(f"not every poster was made; see: posters status {job_id}")


async def _follow(settings: Settings, job_id: str, timeout: float) -> Job | None:
    until = time.monotonic() + timeout
    async with recorded_jobs(settings) as jobs:
        with progress_bar() as bar:
            task = bar.add_task("posters", total=None)
            while True:
                job = await jobs.find(job_id)
                if job is not None:
                    bar.update(task, completed=job.done, total=job.row["total_count"] or None)
                if (job is not None and job.ended) or time.monotonic() > until:
                    return job
                await asyncio.sleep(POLL_SECONDS)
