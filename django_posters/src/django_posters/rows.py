"""What a row of the site has to be before a poster of it can be asked for."""

from typing import Any

from django.apps import apps
from django.db import models

from . import outbox
from .errors import RequestError
from .fields import PosterField


def find_field(model: type[models.Model], name: str | None) -> PosterField:
    """Return the PosterField `name` of a model, or its only one. Raises RequestError."""
    if not issubclass(model, models.Model):
        hint = "; request_posters() takes querysets" if issubclass(model, models.QuerySet) else ""
        raise RequestError(f"a {model.__name__} has no poster; give a saved row of a model with a PosterField{hint}")
    fields = {field.name: field for field in model._meta.get_fields() if isinstance(field, PosterField)}
    label = model._meta.label
    if not fields:
        raise RequestError(f"{label} has no PosterField; add one, or ask for the poster of another row")
    if name is None:
        if len(fields) > 1:
            raise RequestError(f"{label} has the PosterFields {', '.join(fields)}; say which by `field`")
        return next(iter(fields.values()))
    if name not in fields:
        raise RequestError(f"{label} has no PosterField {name!r}; it has {', '.join(fields)}")
    return fields[name]


def check_saved(instance: models.Model, advice: str = "call its save() before request_poster()") -> None:
    """Raise RequestError where the row is in no database, or not in that of the posters."""
    label = type(instance)._meta.label
    if instance.pk is None or instance._state.adding:
        raise RequestError(f"this {label} is not saved; {advice}")
    check_database(label, instance._state.db)


def check_database(label: str, alias: str | None) -> None:
    """Raise RequestError where rows of `alias` cannot share a transaction with the posters."""
    if alias != outbox.database():
        raise RequestError(
            f"this {label} lives in the database {alias!r}, the posters in {outbox.database()!r}; "
            "route both to one database, so that one transaction holds them"
        )


def stored(instance: models.Model) -> models.QuerySet[Any]:
    """Return the row as the database has it: the instance in hand may be older."""
    return type(instance)._base_manager.using(outbox.database()).filter(pk=instance.pk)


def owner_model(label: str) -> type[models.Model] | None:
    """Return the model that rows of a poster or job are of, None where the site no longer has it."""
    try:
        return apps.get_model(label)
    except LookupError:
        return None
