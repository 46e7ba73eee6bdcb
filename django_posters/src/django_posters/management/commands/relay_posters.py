"""`manage.py relay_posters`: publish the outbox to Kafka."""

import threading
from typing import Any

from confluent_kafka import Producer
from django.core.management.base import CommandError, CommandParser

from django_posters import tracing
from django_posters.conf import Settings
from django_posters.database import UNAVAILABLE
from django_posters.errors import BrokerError, PostersSettingsError
from django_posters.kafka import make_producer
from django_posters.management.long_running import LongRunningCommand
from django_posters.management.migration_check import check_migrated
from django_posters.management.signal_handling import stop_on_signals
from django_posters.metrics import OutboxCollector
from django_posters.outbox.relay import relay_once, relay_until


class Command(LongRunningCommand):
    """A long-running command. Several processes may run and share the work, except on SQLite."""

    name = "relay_posters"
    help = "Publish the events of the outbox; runs until TERM, then finishes the batch in flight."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --once."""
        super().add_arguments(parser)
        parser.add_argument("--once", action="store_true", help="publish the events that are committed now, then exit")

    def run(self, settings: Settings, options: dict[str, Any]) -> None:
        """Run until TERM or Ctrl-C, or with --once until the outbox is empty."""
        try:
            producer = make_producer(settings)
        except PostersSettingsError as error:
            raise CommandError(str(error)) from error
        check_migrated()
        with tracing.exporting(), stop_on_signals() as stop:
            if options["once"]:
                self._relay_once(stop, producer)
                return
            with self.announced(settings, options, OutboxCollector()) as heartbeat:
                relay_until(stop, producer, beat=heartbeat.beat)

    def _relay_once(self, stop: threading.Event, producer: Producer) -> None:
        try:
            count = relay_once(stop, producer)
        except BrokerError as error:
            raise CommandError(f"{error}; the remaining events stay in the outbox") from error
        except UNAVAILABLE as error:
            raise CommandError(f"the database is unavailable: {error}; try again when it is available") from error
        self.stdout.write(f"{count} events published")
