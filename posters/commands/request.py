"""`posters request`: request posters."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from agents.settings import read_settings
from posters.commands.diagnostics import say_warnings
from posters.commands.json_option import JsonObject
from posters.commands.progress import progress_bar
from posters.commands.terminal import say, say_fields
from posters.main import CommandError
from posters.operations.kafka_client import KafkaClient, TopicReader
from posters.operations.requests import RequestOptions, batch_requests, collect_outcomes, poster_count, poster_request
from schemas import topics
from schemas.envelope import new_job_id
from schemas.outcomes import PosterOutcome


@click.command()
@click.argument("template_id")
@click.option("--data", type=JsonObject(), help="custom_data of one poster: JSON, or a file with it")
@click.option("--batch", type=click.Path(dir_okay=False, path_type=Path), help="many posters: a .jsonl or .csv file")
@click.option("--entity", default="unknown", show_default=True, help="entity_id of one poster")
@click.option("--metadata", type=JsonObject(), default="{}", help="JSON that every event of the job returns unchanged")
@click.option("--output", type=JsonObject(), help='such as {"format": "jpeg", "width": 1200}')
@click.option("--priority", type=click.Choice(["normal", "bulk"]), help="lane; default: bulk for a batch above 10")
@click.option("--source", help="the site on whose behalf; default: none, a site of its own")
@click.option("--strict", is_flag=True, help="fail a poster that lacks something, instead of a warning")
@click.option("--job", "job_id", help="job id, to request the same job again; default: a new one")
@click.option("--wait", is_flag=True, help="show progress, and fail where a poster fails")
@click.option("--timeout", type=float, default=300.0, show_default=True, help="longest wait, in seconds")
def request(template_id: str, batch: Path | None, data: dict[str, Any] | None, **options: Any) -> None:
    """Request one poster (--data) or a batch (--batch) of TEMPLATE_ID.

    TEMPLATE_ID is <section>_latest, <section>@<version> or a version's UUID.
    """
    if (batch is None) == (data is None):
        raise click.UsageError("say what to make: --data for one poster, --batch for many")
    settings = read_settings()
    now = datetime.now(UTC)
    common = RequestOptions(
        job_id=options["job_id"] or new_job_id(now, os.urandom(10)),
        template_id=template_id,
        metadata=options["metadata"],
        output=options["output"],
        priority=options["priority"],
        source=options["source"],
        occurred_at=now,
        strict=options["strict"],
    )
    common.check()
    events = [poster_request(data or {}, options["entity"], common)] if batch is None else batch_requests(batch, common)
    client = KafkaClient(settings)
    with client.reader(topics.POSTER_COMPLETIONS) as completions:
        client.send(topics.POSTER_REQUESTS, common.job_id, events)
        say(common.job_id)
        if options["wait"]:
            _wait(completions, common.job_id, poster_count(events), options["timeout"])


def _wait(completions: TopicReader, job_id: str, total: int, timeout: float) -> None:
    """Show progress until every poster has an outcome, then print each. Raises CommandError where one failed."""
    with progress_bar() as bar:
        task = bar.add_task("posters", total=total)
        outcomes = collect_outcomes(
            completions.values(timeout), job_id, total, lambda count: bar.update(task, completed=count)
        )
    for outcome in outcomes:
        _print(outcome)
    completed = sum(outcome.status == "completed" for outcome in outcomes)
    if len(outcomes) < total:
        raise CommandError(
            f"{len(outcomes)} of {total} posters ended within {timeout:g} s; follow the rest: posters watch {job_id}"
        )
    if completed < total:
        raise CommandError(f"{total - completed} of {total} posters were not made; see: posters status {job_id}")


def _print(outcome: PosterOutcome) -> None:
    result = outcome.url or "" if outcome.error is None else f"{outcome.error.code}: {outcome.error.message}"
    say_fields(str(outcome.poster_index), outcome.status, result)
    say_warnings(f"poster {outcome.poster_index}", outcome.warnings)
