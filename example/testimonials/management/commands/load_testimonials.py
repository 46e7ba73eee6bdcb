"""`manage.py load_testimonials`."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from django_posters import request_poster
from testimonials.models import Testimonial
from testimonials.samples import SAMPLES


class Command(BaseCommand):
    """Save the sample testimonials, each with a request for its poster."""

    help = "Save the sample testimonials and ask for a poster of each, every one in a transaction of its own."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print one line for each testimonial: its id and the job of its poster."""
        for number, sample in enumerate(SAMPLES, start=1):
            with transaction.atomic():
                testimonial, _ = Testimonial.objects.update_or_create(author=sample["author"], defaults=sample)
                metadata = {"user_id": 1000 + number, "testimonial_id": testimonial.pk}
                poster = request_poster(testimonial, metadata=metadata)
            self.stdout.write(f"{testimonial.pk}\t{poster.job_id}\t{testimonial.author}")
