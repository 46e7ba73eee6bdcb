"""`manage.py prune_posters`: delete old posters that no row shows, with their pictures."""

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from django_posters.management.ages import add_older_than
from django_posters.management.migration_check import check_migrated
from django_posters.requests.pruning import prune


class Command(BaseCommand):
    """Safe to repeat. The workers delete the pictures when they receive the erasures from the outbox."""

    help = "Delete old jobs and posters that no row shows, and have the workers delete their pictures."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --older-than and --dry-run."""
        add_older_than(parser, default=None, what="only jobs that were requested longer ago than this")
        parser.add_argument("--dry-run", action="store_true", help="only count")

    def handle(self, *args: Any, older_than: timedelta, dry_run: bool, **options: Any) -> None:
        """Prune and print the counts."""
        check_migrated()
        pruned = prune(older_than, dry_run=dry_run)
        self.stdout.write(
            f"{pruned.jobs} jobs with {pruned.posters} posters, {pruned.commands} template commands, and the pictures "
            f"of previews of {pruned.previews} sections {'would be' if dry_run else 'are'} deleted"
        )
