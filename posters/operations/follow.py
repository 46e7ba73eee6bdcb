"""Following the posters of a job to their end."""

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from posters.main import CommandError
from posters.operations.kafka_client import Follower
from schemas.codec import ContractError, decode
from schemas.outcomes import PosterOutcome


def progress_bar() -> Progress:
    """Return the bar that every command shows."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True))


def wait_for_posters(completions: Follower, job_id: str, total: int, timeout: float) -> None:
    """Show progress until every poster has an outcome, then say how each ended. Raises CommandError where one failed.

    The first outcome of a poster counts.
    """
    outcomes: dict[int, PosterOutcome] = {}
    with progress_bar() as bar:
        task = bar.add_task("posters", total=total)
        for value in completions.values(timeout):
            outcome = _outcome(value)
            if outcome is not None and outcome.job_id == job_id:
                outcomes.setdefault(outcome.poster_index, outcome)
                bar.update(task, completed=len(outcomes))
            if len(outcomes) == total:
                break
    for index in sorted(outcomes):
        _say(outcomes[index])
    completed = sum(outcome.status == "completed" for outcome in outcomes.values())
    if len(outcomes) < total:
        raise CommandError(
            f"{len(outcomes)} of {total} posters ended within {timeout:g} s; follow the rest: posters watch {job_id}"
        )
    if completed < total:
        raise CommandError(f"{total - completed} of {total} posters were not made; see: posters status {job_id}")


def _outcome(value: bytes) -> PosterOutcome | None:
    try:
        return decode(value, PosterOutcome)
    except ContractError:
        return None


def _say(outcome: PosterOutcome) -> None:
    if outcome.error is not None:
        click.echo(f"{outcome.poster_index}\t{outcome.status}\t{outcome.error.code}: {outcome.error.message}")
    else:
        click.echo(f"{outcome.poster_index}\t{outcome.status}\t{outcome.url or ''}")
