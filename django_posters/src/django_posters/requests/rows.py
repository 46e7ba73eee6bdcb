"""Rows of the site: their PosterField, and the checks that a row has to pass before a poster is requested."""

from typing import Any

from django.db import models

from django_posters.database import database_alias
from django_posters.errors import RequestError
from django_posters.fields import PosterField


def find_field(model: type[models.Model], name: str | None) -> PosterField:
    """Return the PosterField `name` of a model, or its only one. Raises RequestError."""
    if not issubclass(model, models.Model):
        hint = "; request_posters() takes querysets" if issubclass(model, models.QuerySet) else ""
        raise RequestError(f"a {model.__name__} has no poster; give a saved row of a model with a PosterField{hint}")
    fields = {field.name: field for field in model._meta.get_fields() if isinstance(field, PosterField)}
    label = model._meta.label
    if not fields:
        raise RequestError(f"{label} has no PosterField; add one, or request the poster of another row")
    if name is None:
        if len(fields) > 1:
            raise RequestError(f"{label} has the PosterFields {', '.join(fields)}; name one by `field`")
        return next(iter(fields.values()))
    if name not in fields:
        raise RequestError(f"{label} has no PosterField {name!r}; it has {', '.join(fields)}")
    return fields[name]


def check_saved(instance: models.Model, advice: str = "call its save() before request_poster()") -> None:
    """Raise RequestError where the row is not saved, or is saved in another database than the posters."""
    label = type(instance)._meta.label
    if instance.pk is None or instance._state.adding:
        raise RequestError(f"this {label} is not saved; {advice}")
    check_database(label, instance._state.db)


def check_database(label: str, alias: str | None) -> None:
    """Raise RequestError where rows of `alias` cannot share a transaction with the posters."""
    if alias != database_alias():
        raise RequestError(
            f"this {label} is in the database {alias!r}, the posters are in {database_alias()!r}; "
            "route both to one database, so that one transaction covers them"
        )


def stored(instance: models.Model) -> models.QuerySet[Any]:
    """Return a queryset of the row in the database, which may be newer than the instance."""
    return type(instance)._base_manager.using(database_alias()).filter(pk=instance.pk)
