"""App configuration of `posters`."""

from collections.abc import Iterator
from typing import Any, Final

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

LABEL: Final = "posters"


class PostersConfig(AppConfig):
    """The app `posters`."""

    name = "django_posters"
    label = LABEL
    verbose_name = _("Posters")
    default_auto_field = "django.db.models.BigAutoField"

    def __init__(self, app_name: str, app_module: Any) -> None:
        """Check the labels of the other apps. Raises ImproperlyConfigured where one of them has ours.

        Django itself raises before it runs system checks, and would not say what to do.
        """
        super().__init__(app_name, app_module)
        for other in _apps_with_our_label():
            raise ImproperlyConfigured(
                f"posters.E002: the app {other!r} has the label {LABEL!r}, which is that of django_posters. "
                f'Give it another one, such as label = "site_{LABEL}" in its AppConfig; where it has tables, '
                f'keep their names by db_table = "{LABEL}_…". See "System checks" in the documentation.'
            )

    def ready(self) -> None:
        """Register the system checks and the erasure of posters with their rows, and translate labels."""
        from .checks import check_database, check_settings  # noqa: PLC0415 - Django wants app modules imported here
        from .labels import set_labels  # noqa: PLC0415 - likewise
        from .requests import deletion  # noqa: PLC0415 - likewise

        checks.register(check_settings, "posters")
        checks.register(check_database, checks.Tags.database)
        set_labels(self)
        deletion.connect()


def _apps_with_our_label() -> Iterator[str]:
    for entry in settings.INSTALLED_APPS:
        if entry.partition(".")[0] in ("django", "django_posters"):
            continue
        try:
            other = AppConfig.create(entry)
        except (ImportError, ImproperlyConfigured):
            continue  # Django reports it when its turn comes
        if other.label == LABEL:
            yield other.name
