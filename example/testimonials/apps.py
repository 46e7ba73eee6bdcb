"""The app of the example site."""

from django.apps import AppConfig


class TestimonialsConfig(AppConfig):
    """Testimonials, each with a poster."""

    name = "testimonials"

    def ready(self) -> None:
        """Connect the receivers."""
        from . import receivers  # noqa: F401, PLC0415 - Django wants receivers imported here
