"""`manage.py relay_posters`: publish the outbox to Kafka."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_posters import tracing
from django_posters.conf import get_settings
from django_posters.database import UNAVAILABLE
from django_posters.errors import BrokerError, PostersSettingsError
from django_posters.kafka import make_producer
from django_posters.management.migration_check import check_migrated
from django_posters.management.signal_handling import stop_on_signals
from django_posters.outbox.relay import relay_once, relay_until


class Command(BaseCommand):
    """A long-running command. Several processes may run and share the work, except on SQLite."""

    help = "Publish the events of the outbox; runs until TERM, then finishes the batch in flight."

    # Django 6.1's own checks query the database, which may be unavailable at the start.
    requires_system_checks = ("posters",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --once."""
        parser.add_argument("--once", action="store_true", help="publish the events that are committed now, then exit")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        """Run until TERM or Ctrl-C, or with --once until the outbox is empty."""
        try:
            producer = make_producer(get_settings())
        except PostersSettingsError as error:
            raise CommandError(str(error)) from error
        check_migrated()
        with tracing.exporting(), stop_on_signals() as stop:
            if not once:
                relay_until(stop, producer)
                return
            try:
                count = relay_once(stop, producer)
            except BrokerError as error:
                raise CommandError(f"{error}; the remaining events stay in the outbox") from error
            except UNAVAILABLE as error:
                raise CommandError(f"the database is unavailable: {error}; try again when it is available") from error
        self.stdout.write(f"{count} events published")
