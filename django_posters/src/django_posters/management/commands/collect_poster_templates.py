"""`manage.py collect_poster_templates`: upload the templates of all installed apps through the outbox."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from django_posters.database import database_alias
from django_posters.errors import PostersError
from django_posters.template_uploads.commands import upload_template
from django_posters.template_uploads.discovery import find_templates, read_template
from django_posters.template_uploads.upload import Upload


class Command(BaseCommand):
    """For deployments: uploads all templates of the site's apps, or none of them."""

    help = "Upload posters/<section>.html of every app through the outbox; unchanged HTML makes no new version."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --inactive."""
        parser.add_argument("--inactive", action="store_true", help="do not make these versions active")

    def handle(self, *args: Any, inactive: bool, **options: Any) -> None:
        """Write the commands in one transaction."""
        found = find_templates()
        try:
            with transaction.atomic(using=database_alias()):
                for section, path in found.items():
                    html = read_template(path)
                    upload_template(Upload(section=section, name=section, html=html, set_as_active=not inactive))
        except PostersError as error:
            raise CommandError(f"{path}: {error}; nothing was uploaded") from error
        for section, path in found.items():
            self.stdout.write(f"{section}: {path}")
        self.stdout.write(f"{len(found)} templates are in the outbox; `manage.py relay_posters` sends them.")
