"""`manage.py show_testimonials`."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from testimonials.models import Testimonial


class Command(BaseCommand):
    """Show the testimonials with the state of their posters."""

    help = "Print each testimonial and what became of its poster."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add `--json`."""
        parser.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line for each testimonial."""
        for testimonial in Testimonial.objects.select_related("poster").order_by("pk"):
            facts = _facts(testimonial)
            self.stdout.write(_line(facts) if options["json"] else "\t".join(str(value) for value in facts.values()))


def _facts(testimonial: Testimonial) -> dict[str, Any]:
    poster = testimonial.poster
    return {
        "testimonial_id": testimonial.pk,
        "author": testimonial.author,
        "job_id": poster.job_id if poster else None,
        "status": poster.status if poster else None,
        "poster_url": testimonial.poster_url,
        "generation_time_ms": poster.generation_time_ms if poster else None,
        "error": f"{poster.error_code}: {poster.error_message}" if poster and poster.error_code else None,
        "metadata": poster.metadata if poster else None,
    }


def _line(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False)
