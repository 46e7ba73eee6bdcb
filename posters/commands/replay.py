"""`posters replay`: make the posters of a job again."""

import asyncio
from datetime import UTC, datetime

import click

from agents.settings import read_settings
from posters.commands.terminal import say
from posters.main import CommandError
from posters.operations.replay import replay_job
from schemas import topics


@click.command()
@click.argument("job_id")
@click.option("--failed", is_flag=True, help="only the posters that failed")
def replay(job_id: str, *, failed: bool) -> None:
    """Make the posters of JOB_ID that have ended again, as they were requested, in a new generation.

    Posters in flight are left alone, so a second replay adds nothing. The requests must still be on their topic.
    """
    replayed = asyncio.run(replay_job(read_settings(), job_id, failed_only=failed, now=datetime.now(UTC)))
    if replayed.missing and not replayed.count:
        raise CommandError(f"the requests of {job_id} are no longer on {topics.POSTER_REQUESTS}; request it again")
    say(f"replayed {replayed.count} posters")
    if replayed.missing:
        raise CommandError(
            f"the requests of {replayed.missing} more are no longer on {topics.POSTER_REQUESTS}; request them again"
        )
