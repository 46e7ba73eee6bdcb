"""`manage.py consume_posters`."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from django_posters.conf import get_settings
from django_posters.consumer import consume_until
from django_posters.errors import PostersSettingsError
from django_posters.kafka import make_consumer
from django_posters.migrated import check_migrated
from django_posters.stopping import stop_on_signals


class Command(BaseCommand):
    """Runs for as long as the site does; several may run at once and share the work."""

    help = "Write what came of this site's posters, and send poster_finished: runs until TERM."

    # Django 6.1's own checks ask the database, which may be away when this starts.
    requires_system_checks = ("posters",)

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until TERM."""
        settings = get_settings()
        check_migrated()
        try:
            consumer = make_consumer(settings, group=settings.group)
        except PostersSettingsError as error:
            raise CommandError(str(error)) from error
        try:
            with stop_on_signals() as stop:
                consume_until(stop, consumer, site=settings.site)
        finally:
            consumer.close()
