"""System checks, run by `manage.py check` and before most commands. Those of a field are in `fields.py`.

posters.E001 the setting is wrong · W001 placeholders in production · W002 one relay only · E101 a field's section ·
E102 its data · E103 its database
"""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.db import connections

from . import outbox
from .conf import EXAMPLE, get_settings
from .errors import PostersSettingsError


def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report a missing or wrong `POSTERS`, and placeholders where visitors would see them."""
    try:
        settings = get_settings()
    except PostersSettingsError as error:
        return [Error(str(error), hint=f"For example: {EXAMPLE}", id="posters.E001")]
    if settings.is_placeholder and not django_settings.DEBUG:
        return [
            CheckWarning(
                'POSTERS["BACKEND"] is "placeholder", but DEBUG is off: every poster would be a grey picture.',
                hint='Remove it, or set it to "kafka".',
                id="posters.W001",
            )
        ]
    return []


def check_database(
    app_configs: Sequence[AppConfig] | None, databases: Sequence[str] | None = None, **_: Any
) -> list[CheckMessage]:
    """Report a server that cannot hand each relay rows of its own. Run where Django is told which databases to ask."""
    using = outbox.database()
    connection = connections[using]
    # SQLite is for development, where one relay runs anyway.
    if using not in (databases or ()) or connection.vendor == "sqlite":
        return []
    if connection.features.has_select_for_update_skip_locked:
        return []
    return [
        CheckWarning(
            f"The database {using!r} cannot skip locked rows: two relays would publish an event twice.",
            hint="Run one `manage.py relay_posters` only, or use PostgreSQL, MySQL 8 or MariaDB 10.6.",
            id="posters.W002",
        )
    ]
