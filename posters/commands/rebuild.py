"""`posters rebuild`: the sink's tables anew from the topics."""

import asyncio

import click

from agents.settings import Settings, read_settings
from posters.main import CommandError
from posters.operations.audit import audit_record
from posters.operations.dead_letters import now, operator
from posters.operations.kafka_client import KafkaClient
from posters.operations.migrations import MigrationError
from posters.operations.rebuild import SCHEMA, Rebuilt, replace
from posters.operations.rebuild import rebuild as make


@click.command()
@click.option("--replace", "replacing", is_flag=True, help="then put them in the place of the recorded rows")
def rebuild(*, replacing: bool) -> None:
    """Fill tables in the schema posters_rebuild from what the topics retain, and compare them with the recorded ones.

    Let the sinks come to rest first: what they have not written yet is a difference. With --replace stop them; jobs
    whose requests the topics no longer hold stay as they are.
    """
    settings = read_settings()
    try:
        rebuilt = asyncio.run(make(settings))
    except MigrationError as error:
        raise CommandError(str(error)) from error
    click.echo(
        f"{rebuilt.jobs} jobs, {rebuilt.posters} posters and {rebuilt.lines} lines of the log from {rebuilt.records} "
        f"records ({rebuilt.unusable} unusable), in the schema {SCHEMA}"
    )
    for job_id in rebuilt.different[:20]:
        click.echo(f"different: {job_id}")
    if replacing:
        _replace(settings, rebuilt)
    elif rebuilt.different:
        raise CommandError(
            f"{len(rebuilt.different)} jobs are recorded otherwise; --replace takes over what was rebuilt"
        )
    else:
        click.echo("the recorded tables say the same")


def _replace(settings: Settings, rebuilt: Rebuilt) -> None:
    asyncio.run(replace(settings))
    who = operator()
    details = {"by": who, "jobs": rebuilt.jobs, "different": len(rebuilt.different)}
    message = f"{rebuilt.jobs} jobs replaced by what the topics say, by {who}"
    KafkaClient(settings).publish([audit_record("rebuild", "tables_rebuilt", message, details, now())])
    click.echo(f"replaced {rebuilt.jobs} jobs")
