"""`manage.py relay_posters`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import InterfaceError, OperationalError

from django_posters.conf import get_settings
from django_posters.errors import BrokerError, PostersSettingsError
from django_posters.kafka import make_producer
from django_posters.migrated import check_migrated
from django_posters.relay import relay_once, relay_until
from django_posters.stopping import stop_on_signals


class Command(BaseCommand):
    """Runs for as long as the site does; several may run at once, except on SQLite."""

    help = "Publish what request_poster() wrote: runs until TERM, which lets it finish what it holds."

    # Django 6.1's own checks ask the database, which may be away when this starts.
    requires_system_checks = ("posters",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Take --once."""
        parser.add_argument("--once", action="store_true", help="publish what is committed now, then end")

    def handle(self, *args: Any, once: bool, **options: Any) -> None:
        """Run until TERM, or until the outbox is empty."""
        try:
            producer = make_producer(get_settings())
        except PostersSettingsError as error:
            raise CommandError(str(error)) from error
        check_migrated()
        with stop_on_signals() as stop:
            if not once:
                relay_until(stop, producer)
                return
            try:
                count = relay_once(stop, producer)
            except BrokerError as error:
                raise CommandError(f"{error}; the rest stays in the outbox") from error
            except (OperationalError, InterfaceError) as error:
                raise CommandError(f"the database is away: {error}; try again once it is back") from error
        self.stdout.write(f"{count} events published")
