"""System checks, run by `manage.py check` and before most commands. Those of a field are in `fields.py`.

posters.E001 invalid setting · E002 another app with our label (in `apps.py`) · W001 placeholder backend in production ·
W002 one relay only · E101 section of a field · E102 data of a field · E103 database of a field · E104 fixed options ·
E105 alternative text · E106 debounce
"""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings as django_settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning
from django.db import connections

from .conf import EXAMPLE, get_settings
from .database import database_alias
from .errors import PostersSettingsError


def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report a missing or invalid `POSTERS`, and the placeholder backend in production."""
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
    """Report a server without SKIP LOCKED, which concurrent relays need. Django runs this with `--database` only."""
    using = database_alias()
    connection = connections[using]
    # SQLite is for development with one relay.
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
