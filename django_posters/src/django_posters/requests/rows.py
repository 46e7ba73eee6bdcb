"""Rows of the site: their PosterField, and the checks that a row has to pass before a poster is requested."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import Error as DatabaseError
from django.db import connections, models, router, transaction

from django_posters.database import STATEMENT_ERRORS, database_alias
from django_posters.errors import RequestError
from django_posters.fields import PosterField
from django_posters.serialization import plain_object


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
    """Raise RequestError where the row is not saved, or is written to another database than the posters.

    It may have been read from another one, such as a replica.
    """
    label = type(instance)._meta.label
    if instance.pk is None or instance._state.adding:
        raise RequestError(f"this {label} is not saved; {advice}")
    check_database(label, router.db_for_write(type(instance), instance=instance))


def check_database(label: str, alias: str | None) -> None:
    """Raise RequestError where rows that are written to `alias` cannot share a transaction with the posters."""
    if alias != database_alias():
        raise RequestError(
            f"this {label} is in the database {alias!r}, the posters are in {database_alias()!r}; "
            "route both to one database, so that one transaction covers them"
        )


def stored(instance: models.Model) -> models.QuerySet[Any]:
    """Return a queryset of the row in the database, which may be newer than the instance."""
    return type(instance)._base_manager.using(database_alias()).filter(pk=instance.pk)


def lock_link(instance: models.Model, field: PosterField) -> uuid.UUID | None:
    """Lock the row until the current transaction ends, and return the id of its newest poster.

    Concurrent requests of a row come one after the other by it. Raises RequestError where the row was deleted.
    """
    rows = stored(instance)
    if connections[database_alias()].features.has_select_for_update:
        rows = rows.select_for_update()
    else:  # a write is the lock of SQLite
        rows.update(**{field.name: models.F(field.attname)})
    links = list(rows.values_list(field.attname, flat=True))
    if not links:
        raise gone(instance)
    link: uuid.UUID | None = links[0]
    return link


def lock_links(rows: list[Any], field: PosterField) -> dict[Any, uuid.UUID | None]:
    """Lock the rows until the current transaction ends, and return the id of each one's newest poster by primary key.

    Deleted rows are left out. The order of the locks is that of the keys, so that two batches wait for each other.
    """
    if not rows:
        return {}
    using = database_alias()
    known = type(rows[0])._base_manager.using(using).filter(pk__in=[row.pk for row in rows]).order_by("pk")
    if connections[using].features.has_select_for_update:
        known = known.select_for_update()
    return dict(known.values_list("pk", field.attname))


def gone(instance: models.Model) -> RequestError:
    """Return the error about a row that was deleted meanwhile."""
    return RequestError(f"this {type(instance)._meta.label} is not in the database any more; nothing was requested")


def read_data(instance: models.Model, field: PosterField, place: str = "custom_data") -> dict[str, Any]:
    """Return the template values of a row as JSON data. Raises RequestError, which names the row or the `place`."""
    try:
        # Storages of files raise errors of their own when they are asked for an address or a size.
        return plain_object(field.custom_data(instance), place)
    except (DatabaseError, RequestError):
        raise
    except Exception as error:
        raise RequestError(f"the data of {row_name(instance)} cannot be read: {_described(error)}") from error


def read_alt(instance: models.Model, field: PosterField) -> str:
    """Return the alternative text of a row's picture. Raises RequestError, which names the row."""
    try:
        return field.alternative_text(instance)
    except (DatabaseError, RequestError):
        raise
    except Exception as error:
        name = row_name(instance)
        raise RequestError(f"the alternative text of {name} cannot be read: {_described(error)}") from error


@contextmanager
def isolated(name: str) -> Iterator[None]:
    """Have the site's own code of a row raise RequestError, with `name`, where a statement of it fails.

    For work on many rows: the transaction around it goes on.
    """
    try:
        with transaction.atomic(using=database_alias()):
            yield
    except STATEMENT_ERRORS as error:
        raise RequestError(f"{name}: {_described(error)}") from error


def row_name(instance: models.Model) -> str:
    """Return the label of the model and the primary key, as errors name a row."""
    return f"{instance._meta.label} {instance.pk}"


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
