"""Erasure of posters when their row is deleted, where the setting `ERASE_ON_DELETE` is on."""

from typing import Any

from django.apps import apps
from django.core.signals import setting_changed
from django.db import models
from django.db.models.signals import pre_delete

from django_posters.conf import get_settings
from django_posters.database import database_alias
from django_posters.errors import PostersSettingsError
from django_posters.fields import PosterField

from .erasure import erase_row


def connect() -> None:
    """Erase the posters of rows that are deleted from now on, if the setting is on.

    The receiver is connected only then, and only to models with a PosterField and to their proxies: with one, Django
    reads rows before it deletes them. With a row of a child model Django deletes that of its parent, which has the
    field. Queries that delete in the database alone, such as `_raw_delete()`, are not seen.
    """
    try:
        is_on = get_settings().erase_on_delete
    except PostersSettingsError:  # reported by `manage.py check`
        is_on = False
    for model in apps.get_models():
        if _poster_fields(model):
            change = pre_delete.connect if is_on else pre_delete.disconnect
            change(_erase, sender=model, dispatch_uid="django_posters.deletion")


def _poster_fields(model: type[models.Model]) -> list[PosterField]:
    # A proxy has no fields of its own.
    fields = (model._meta.concrete_model or model)._meta.local_fields
    return [field for field in fields if isinstance(field, PosterField)]


def _erase(sender: type[models.Model], instance: models.Model, using: str, **_: Any) -> None:
    if using != database_alias():  # a copy of the row, such as that of an archive
        return
    for field in _poster_fields(sender):
        erase_row(instance, field)


def _reconnect(*, setting: str, **_: object) -> None:
    if setting == "POSTERS":
        get_settings.cache_clear()
        connect()


setting_changed.connect(_reconnect, dispatch_uid="django_posters.deletion")
