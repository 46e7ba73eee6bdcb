"""`posters watch`: follow a job."""

import asyncio
import time

import click

from agents.settings import Settings, read_settings
from posters.commands.progress import progress_bar
from posters.commands.terminal import say
from posters.main import CommandError
from posters.operations.jobs import Job, watch_job


@click.command()
@click.argument("job_id")
@click.option("--timeout", type=float, default=3600.0, show_default=True, help="longest wait, in seconds")
def watch(job_id: str, timeout: float) -> None:
    """Show the progress of JOB_ID until all of its posters have ended; fail where one was not made."""
    job = _watch(read_settings(), job_id, timeout)
    if job is None:
        raise CommandError(f"job {job_id} was not recorded within {timeout:g} s; see `posters doctor`")
    if not job.ended:
        raise CommandError(f"job {job_id} is {job.row['status']} after {timeout:g} s: {job.done} posters have ended")
    say(f"{job_id} {job.row['status']}")
    if job.row["success_count"] < job.row["total_count"]:
        raise CommandError(f"not every poster was made; see: posters status {job_id}")


def _watch(settings: Settings, job_id: str, timeout: float) -> Job | None:
    with progress_bar() as bar:
        task = bar.add_task("posters", total=None)

        def show(job: Job) -> None:
            bar.update(task, completed=job.done, total=job.row["total_count"] or None)

        return asyncio.run(watch_job(settings, job_id, timeout, show, time.monotonic))
