"""`posters request`: ask for posters."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from agents.settings import read_settings
from posters.commands.json_option import JsonObject
from posters.main import CommandError
from posters.operations.batch_file import cut, read_posters
from posters.operations.follow import wait_for_posters
from posters.operations.kafka_client import KafkaClient
from schemas import topics
from schemas.codec import decode, encode
from schemas.envelope import Envelope, new_job_id
from schemas.output import OutputError, parse_output, resolve_output
from schemas.references import parse_reference
from schemas.requests import BatchRequested, PosterRequested


@click.command()
@click.argument("template_id")
@click.option("--data", type=JsonObject(), help="custom_data of one poster: JSON, or @file")
@click.option("--batch", type=click.Path(dir_okay=False, path_type=Path), help="many posters: a .jsonl or .csv file")
@click.option("--entity", default="unknown", show_default=True, help="entity_id of one poster")
@click.option("--metadata", type=JsonObject(), default="{}", help="comes back untouched")
@click.option("--output", type=JsonObject(), help='such as {"format": "jpeg", "width": 1200}')
@click.option("--priority", type=click.Choice(["normal", "bulk"]), help="lane; a batch above 10 goes to bulk")
@click.option("--job", "job_id", help="job id, to ask again for the same job; default: a new one")
@click.option("--wait", is_flag=True, help="show progress, and fail where a poster fails")
@click.option("--timeout", type=float, default=300.0, show_default=True, help="seconds to wait at most")
def request(template_id: str, batch: Path | None, data: dict[str, Any] | None, **options: Any) -> None:
    """Ask for one poster (--data) or a batch (--batch) of TEMPLATE_ID.

    TEMPLATE_ID is <section>_latest, <section>@<version> or a version's UUID.
    """
    if (batch is None) == (data is None):
        raise click.UsageError("say what to make: --data for one poster, --batch for many")
    settings = read_settings()
    _check(template_id, options["output"])
    job_id = options["job_id"] or new_job_id(datetime.now(UTC), os.urandom(10))
    common = {
        "occurred_at": datetime.now(UTC),
        "job_id": job_id,
        "template_id": template_id,
        "metadata": options["metadata"],
        "output": options["output"],
        "priority": options["priority"],
    }
    events = _batch(batch, common) if batch is not None else [_one(data or {}, options["entity"], common)]
    client = KafkaClient(settings)
    total = sum(len(event.posters) if isinstance(event, BatchRequested) else 1 for event in events)
    with client.following(topics.POSTER_COMPLETIONS) as completions:
        client.send(topics.POSTER_REQUESTS, job_id, events)
        click.echo(job_id)
        if options["wait"]:
            wait_for_posters(completions, job_id, total, options["timeout"])


def _check(template_id: str, output: dict[str, Any] | None) -> None:
    try:
        parse_reference(template_id)
        resolve_output(parse_output(output))
    except OutputError as error:
        raise CommandError(error.message) from error
    except ValueError as error:
        raise CommandError(str(error)) from error


def _one(data: dict[str, Any], entity: str, common: dict[str, Any]) -> Envelope:
    fields = {**common, "priority": common["priority"] or "normal"}
    return _made(PosterRequested, entity_id=entity, custom_data=data, **fields)


def _made(kind: type[Envelope], **fields: Any) -> Envelope:
    try:
        # What the broker would take and intake then refuse is told here and now.
        return decode(encode(kind(event_id=uuid4(), **fields)), kind)
    except ValueError as error:
        raise CommandError(str(error)) from error


def _batch(path: Path, common: dict[str, Any]) -> list[Envelope]:
    parts = cut(read_posters(path))
    total = sum(len(part) for part in parts)
    first_index = 0
    events: list[Envelope] = []
    for number, posters in enumerate(parts, start=1):
        events.append(
            _made(
                BatchRequested,
                posters=posters,
                part=number,
                parts=len(parts),
                first_index=first_index,
                total_count=total,
                **common,
            )
        )
        first_index += len(posters)
    return events
