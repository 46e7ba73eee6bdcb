"""`posters replay`: make the posters of a job again."""

import asyncio
from collections.abc import Iterator
from typing import cast

import click

from agents.settings import Settings, read_settings
from posters.main import CommandError
from posters.operations.audit import audit_record
from posters.operations.dead_letters import now, operator
from posters.operations.jobs import recorded_jobs
from posters.operations.kafka_client import KafkaClient, headers_of
from posters.operations.replay import Recorded, indexes_of, replay_records
from schemas import topics
from schemas.codec import ContractError, decode
from schemas.requests import BatchRequested, PosterRequested
from streams.delivery import Headers, Record
from streams.replay import GENERATION

Request = PosterRequested | BatchRequested


@click.command()
@click.argument("job_id")
@click.option("--failed", is_flag=True, help="only the posters that failed")
def replay(job_id: str, *, failed: bool) -> None:
    """Make the posters of JOB_ID that have ended again, as they were requested, in a new generation.

    Those under way are left alone, so that asking twice does nothing more. The requests have to be on their topic
    still.
    """
    settings = read_settings()
    ended = asyncio.run(_ended(settings, job_id, failed))
    if not ended:
        click.echo("replayed 0 posters")
        return
    client = KafkaClient(settings)
    requests = list(_requests(client, job_id))
    records = [record for request, headers in requests for record in replay_records(request, ended, headers, now())]
    if not records:
        raise CommandError(f"the requests of {job_id} are no longer on {topics.POSTER_REQUESTS}; request it anew")
    count = len({index for request, _ in requests for index in indexes_of(request) if index in ended})
    client.publish([*records, _audit(job_id, count, failed)])
    click.echo(f"replayed {count} posters")
    if count < len(ended):
        gone = len(ended) - count
        raise CommandError(f"the requests of {gone} more are no longer on {topics.POSTER_REQUESTS}; request them anew")


async def _ended(settings: Settings, job_id: str, failed: bool) -> dict[int, Recorded]:
    statuses = ["failed"] if failed else ["completed", "failed", "cancelled"]
    async with recorded_jobs(settings) as jobs:
        if await jobs.find(job_id) is None:
            raise CommandError(f"job {job_id} is not recorded")
        rows = await jobs.ended(job_id, statuses)
    return {row["poster_index"]: Recorded(generation=row["generation"], template=row["template"]) for row in rows}


def _requests(client: KafkaClient, job_id: str) -> Iterator[tuple[Request, Headers]]:
    """Yield what was asked for the job, each once, without what was a replay itself."""
    seen: set[object] = set()
    with client.following(topics.POSTER_REQUESTS, from_beginning=True) as records:
        for message in records.present():
            headers = headers_of(message)
            if message.key() != job_id.encode() or any(name == GENERATION for name, _ in headers):
                continue
            try:
                request = cast("Request", decode(message.value(), PosterRequested, BatchRequested))
            except ContractError:
                continue
            if request.event_id not in seen:
                seen.add(request.event_id)
                yield request, headers


def _audit(job_id: str, count: int, failed: bool) -> Record:
    who = operator()
    details = {"by": who, "count": count, "failed_only": failed}
    return audit_record(job_id, "job_replayed", f"{count} posters replayed by {who}", details, now())
