"""System checks, run by `manage.py check` and before most commands. Those of a field are in `fields.py`."""

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error

from .conf import EXAMPLE, get_settings
from .errors import PostersSettingsError


def check_settings(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Report a missing or wrong `POSTERS`."""
    try:
        get_settings()
    except PostersSettingsError as error:
        return [Error(str(error), hint=f"For example: {EXAMPLE}", id="posters.E001")]
    return []
