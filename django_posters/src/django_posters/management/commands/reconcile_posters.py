"""`manage.py reconcile_posters`: ask again for posters whose outcome never arrived."""

from datetime import timedelta
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser

from django_posters.management.ages import add_older_than
from django_posters.management.migration_check import check_migrated
from django_posters.requests.reconciliation import Step, reconcile

_TEXTS: Final[dict[Step, str]] = {
    "in_outbox": "posters wait in the outbox; run `manage.py relay_posters`",
    "asked_again": "posters were asked for again",
    "requested_anew": "posters were replaced by new ones",
    "given_up": "posters were given up: their rows are gone or have newer ones",
    "cancelled": "posters of cancelled jobs were ended",
    "jobs_settled": "jobs were finished with the counts of their posters",
}


class Command(BaseCommand):
    """Safe to repeat: a poster that has been asked for waits as long again before the next step."""

    help = "Find posters without an outcome, and ask for them again or give them up."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --older-than and --dry-run."""
        add_older_than(parser, default="1d", what="only posters that were requested longer ago than this")
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, older_than: timedelta, dry_run: bool, **options: Any) -> None:
        """Reconcile and print the counts."""
        check_migrated()
        steps = reconcile(older_than, dry_run=dry_run)
        for step, text in _TEXTS.items():
            if steps[step]:
                self.stdout.write(f"{steps[step]} {text}")
        if not steps:
            self.stdout.write("every poster has an outcome, or is younger than that")
        elif dry_run:
            self.stdout.write("(a dry run: nothing was changed)")
