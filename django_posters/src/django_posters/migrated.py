"""A command that runs beside the site says once that the tables are not there, instead of failing at each look."""

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, connections
from django.db.migrations.executor import MigrationExecutor

from . import outbox
from .models import OutboxEvent


def check_migrated() -> None:
    """Raise CommandError where migrations of ours are not applied. A database that is away is left to the caller."""
    try:
        executor = MigrationExecutor(connections[outbox.database()])
    except (OperationalError, InterfaceError):
        connections[outbox.database()].close()
        return
    targets = executor.loader.graph.leaf_nodes(OutboxEvent._meta.app_label)
    missing = [str(migration) for migration, _ in executor.migration_plan(targets)]
    if missing:
        raise CommandError(f"{missing[0]} is not applied to the database; run `manage.py migrate`")
