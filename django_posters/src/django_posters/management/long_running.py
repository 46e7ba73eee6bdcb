"""What `relay_posters` and `consume_posters` have in common: heartbeat, check, metrics, and a line at the start."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_posters.conf import Settings, get_settings
from django_posters.errors import PostersSettingsError
from django_posters.metrics import serve

from .heartbeat import MAX_AGE_SECONDS, Heartbeat, check, default_path

logger = logging.getLogger(__name__)


class LongRunningCommand(BaseCommand):
    """A command that runs until TERM."""

    name = ""
    # Django 6.1's own checks query the database, which may be unavailable at the start.
    requires_system_checks = ("posters",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options that both commands have."""
        parser.add_argument(
            "--check", action="store_true", help="say whether the command runs and works, and exit with 0 or 1"
        )
        parser.add_argument(
            "--heartbeat-file", type=Path, help="written each second; default: a file for temporary files, by the site"
        )
        parser.add_argument(
            "--max-age",
            type=float,
            default=MAX_AGE_SECONDS,
            help="with --check: how many seconds ago the command has worked; default %(default)g",
        )
        parser.add_argument("--metrics-address", help="serve Prometheus metrics on host:port; needs prometheus-client")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the running command, or run."""
        settings = get_settings()
        if not options["check"]:
            self.run(settings, options)
            return
        path = options["heartbeat_file"] or default_path(self.name, settings.site)
        works, sentence = check(path, self.name, max_age=options["max_age"])
        if not works:
            raise CommandError(sentence)
        self.stdout.write(sentence)

    def run(self, settings: Settings, options: dict[str, Any]) -> None:
        """Run until TERM."""
        raise NotImplementedError

    @contextmanager
    def announced(self, settings: Settings, options: dict[str, Any], *collectors: Any) -> Iterator[Heartbeat]:
        """Serve the metrics, log the start, and give the heartbeat, which ends with the block."""
        with ExitStack() as serving:
            try:
                serving.enter_context(serve(options["metrics_address"], *collectors))
            except PostersSettingsError as error:
                raise CommandError(str(error)) from error
            self._log_start(settings)
            heartbeat = Heartbeat(options["heartbeat_file"] or default_path(self.name, settings.site))
            try:
                heartbeat.beat()
                yield heartbeat
            finally:
                heartbeat.remove()

    def _log_start(self, settings: Settings) -> None:
        started = f"{self.name} runs for the site (source) {settings.site} with the broker {settings.bootstrap_servers}"
        logger.info(started)
        if not (logger.isEnabledFor(logging.INFO) and logger.hasHandlers()):
            # Django configures no logger but its own.
            self.stdout.write(started)
