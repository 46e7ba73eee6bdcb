"""App configuration of `posters`."""

from importlib import import_module

from django.apps import AppConfig
from django.core import checks
from django.utils.translation import gettext_lazy as _


class PostersConfig(AppConfig):
    """The app `posters`."""

    name = "django_posters"
    label = "posters"
    verbose_name = _("Posters")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks and the erasure of posters with their rows, and translate labels."""
        from .checks import check_database, check_settings  # noqa: PLC0415 - Django wants app modules imported here
        from .labels import set_labels  # noqa: PLC0415 - likewise

        checks.register(check_settings, "posters")
        checks.register(check_database, checks.Tags.database)
        set_labels(self)
        import_module(".requests.deletion", __package__).connect()
