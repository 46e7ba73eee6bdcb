"""`manage.py relay_posters`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_posters.conf import get_settings
from django_posters.errors import BrokerError, PostersSettingsError
from django_posters.kafka import make_producer
from django_posters.relay import relay_once, relay_until
from django_posters.stopping import stop_on_signals


class Command(BaseCommand):
    """Runs for as long as the site does; several may run at once, except on SQLite."""

    help = "Publish what request_poster() wrote: runs until TERM, which lets it finish what it holds."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --once."""
        parser.add_argument("--once", action="store_true", help="publish what is committed now, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        """Run until TERM, or until the outbox is empty."""
        try:
            producer = make_producer(get_settings())
        except PostersSettingsError as error:
            raise CommandError(str(error)) from error
        with stop_on_signals() as stop:
            if not once:
                relay_until(stop, producer)
                return
            try:
                count = relay_once(stop, producer)
            except BrokerError as error:
                raise CommandError(f"{error}; the rest stays in the outbox") from error
        self.stdout.write(f"{count} events published")
