"""How Django meets the package."""

from django.apps import AppConfig
from django.core import checks


class PostersConfig(AppConfig):
    """The app `posters`."""

    name = "django_posters"
    label = "posters"
    verbose_name = "Posters"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from .checks import check_settings  # noqa: PLC0415 - Django wants app modules imported here, not before

        checks.register(check_settings)
