"""Erasure of posters when their row is deleted, where the setting `ERASE_ON_DELETE` is on."""

from typing import Any

from django.apps import apps
from django.core.signals import setting_changed
from django.db import models
from django.db.models.signals import pre_delete

from django_posters.conf import get_settings
from django_posters.errors import PostersSettingsError
from django_posters.fields import PosterField

from .erasure import erase_poster


def connect() -> None:
    """Erase the posters of rows that are deleted from now on, if the setting is on.

    The receiver is connected only then, and only to models with a PosterField: with one, Django reads rows before it
    deletes them. Queries that delete in the database alone, such as `_raw_delete()`, are not seen.
    """
    try:
        is_on = get_settings().erase_on_delete
    except PostersSettingsError:  # reported by `manage.py check`
        is_on = False
    for model in apps.get_models():
        if any(isinstance(field, PosterField) for field in model._meta.local_fields):
            change = pre_delete.connect if is_on else pre_delete.disconnect
            change(_erase, sender=model, dispatch_uid="django_posters.deletion")


def _erase(sender: type[models.Model], instance: models.Model, **_: Any) -> None:
    for field in sender._meta.local_fields:
        if isinstance(field, PosterField):
            erase_poster(instance, field=field.name)


def _reconnect(*, setting: str, **_: object) -> None:
    if setting == "POSTERS":
        get_settings.cache_clear()
        connect()


setting_changed.connect(_reconnect, dispatch_uid="django_posters.deletion")
