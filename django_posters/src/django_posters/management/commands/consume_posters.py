"""`manage.py consume_posters`: apply results from Kafka and send the signals."""

from collections.abc import Callable
from typing import Any

from django.core.management.base import CommandError

from django_posters import tracing
from django_posters.conf import Settings
from django_posters.errors import PostersSettingsError
from django_posters.kafka import make_consumer
from django_posters.management.long_running import LongRunningCommand
from django_posters.management.migration_check import check_migrated
from django_posters.management.signal_handling import stop_on_signals
from django_posters.metrics import ConsumerLagCollector
from django_posters.requests.degraded import retry_degraded
from django_posters.results.consumer import consume_until
from django_posters.results.outcomes import announce_unannounced
from django_posters.results.receivers import retries


class Command(LongRunningCommand):
    """A long-running command. Several processes may run and share the partitions."""

    name = "consume_posters"
    help = "Apply the results of this site's posters and jobs, and send the signals; runs until TERM."

    def run(self, settings: Settings, options: dict[str, Any]) -> None:
        """Run until TERM or Ctrl-C."""
        check_migrated()
        try:
            consumer = make_consumer(settings, group=settings.group)
        except PostersSettingsError as error:
            raise CommandError(str(error)) from error
        retries.is_running = True
        try:
            with (
                tracing.exporting(),
                stop_on_signals() as stop,
                self.announced(settings, options, ConsumerLagCollector(consumer)) as heartbeat,
            ):
                consume_until(stop, consumer, site=settings.site, periodic=_periodic(settings), beat=heartbeat.beat)
        finally:
            retries.is_running = False
            consumer.close()


def _periodic(settings: Settings) -> Callable[[], None]:
    """Return what the consumer does beside its records. Receivers that raised in an earlier process come first."""
    unannounced = [announce_unannounced] if settings.retry_receivers else []

    def periodic() -> None:
        if unannounced:
            unannounced[0]()
            unannounced.clear()
        retries.run_due()
        retry_degraded()

    return periodic
