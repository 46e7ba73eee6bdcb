"""Start-up check of long-running commands: end with one clear error where migrations are not applied."""

from django.core.management.base import CommandError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor

from django_posters.database import UNAVAILABLE, close_connection, database_alias
from django_posters.models import OutboxEvent


def check_migrated() -> None:
    """Raise CommandError where a migration of this app is not applied.

    While the database is unavailable this returns without an error: the caller waits for the database and retries.
    """
    try:
        executor = MigrationExecutor(connections[database_alias()])
    except UNAVAILABLE:
        close_connection()
        return
    targets = executor.loader.graph.leaf_nodes(OutboxEvent._meta.app_label)
    missing = [str(migration) for migration, _ in executor.migration_plan(targets)]
    if missing:
        raise CommandError(f"{missing[0]} is not applied to the database; run `manage.py migrate`")
