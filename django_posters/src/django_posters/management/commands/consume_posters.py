"""`manage.py consume_posters`: apply results from Kafka and send the signals."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_posters import tracing
from django_posters.conf import get_settings
from django_posters.errors import PostersSettingsError
from django_posters.kafka import make_consumer
from django_posters.management.migration_check import check_migrated
from django_posters.management.signal_handling import stop_on_signals
from django_posters.requests.degraded import retry_degraded
from django_posters.results.consumer import consume_until


class Command(BaseCommand):
    """A long-running command. Several processes may run and share the partitions."""

    help = "Apply the results of this site's posters and jobs, and send the signals; runs until TERM."

    # Django 6.1's own checks query the database, which may be unavailable at the start.
    requires_system_checks = ("posters",)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until TERM or Ctrl-C."""
        settings = get_settings()
        check_migrated()
        try:
            consumer = make_consumer(settings, group=settings.group)
        except PostersSettingsError as error:
            raise CommandError(str(error)) from error
        try:
            with tracing.exporting(), stop_on_signals() as stop:
                consume_until(stop, consumer, site=settings.site, periodic=retry_degraded)
        finally:
            consumer.close()
