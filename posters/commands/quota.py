"""`posters quota`: what sources have used of their quotas."""

import asyncio
from datetime import UTC, datetime

import click

from agents.quotas import quota_limits
from agents.settings import read_settings
from posters.commands.terminal import say, say_rows
from posters.operations.quota import use_of_day


@click.command()
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="a day in UTC of the last 35  [default: today]")
def quota(day: datetime | None) -> None:
    """Show what each source has used of its quotas today (UTC), as used/limit, and how many posters were refused.

    The limits are those of POSTERS_QUOTA_POSTERS and POSTERS_QUOTA_BYTES as this command has them.
    """
    settings = read_settings()
    uses = asyncio.run(use_of_day(settings, (day or datetime.now(UTC)).date()))
    if not quota_limits(settings).are_set:
        say("no quota is set here: nothing is counted where the workers have none either", error=True)
    say_rows(
        ("source", "posters", "bytes", "refused"),
        (
            (
                "(none)" if each.source is None else each.source,
                f"{each.posters}/{_limit(each.posters_limit)}",
                f"{each.bytes}/{_limit(each.bytes_limit)}",
                str(each.refused),
            )
            for each in uses
        ),
    )


def _limit(number: int | None) -> str:
    return "-" if number is None else str(number)
