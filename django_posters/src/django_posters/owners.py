"""The owner of a poster: the model and the row of the site that it shows."""

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models


def owner_model(label: str) -> type[models.Model] | None:
    """Return the model with this `app_label.modelname`, None where the site no longer has it."""
    try:
        return apps.get_model(label)
    except LookupError:
        return None


def labels_of_row(label: str, field_name: str) -> list[str]:
    """Return the labels under which the same row may have been requested for this PosterField.

    A row of a model is also one of its parents, children and proxies, as far as they have the field and the key.
    """
    model = owner_model(label)
    try:
        field = model._meta.get_field(field_name) if model is not None else None
    except FieldDoesNotExist:
        field = None
    if field is None:
        return [label]
    return [each._meta.label_lower for each in apps.get_models() if _has_key_of(each, field.model)]


def _has_key_of(model: type[models.Model], base: type[models.Model]) -> bool:
    """Whether the primary key of `model` is that of `base`, by way of its parents."""
    while issubclass(model, base):
        if model._meta.concrete_model is base:
            return True
        link = model._meta.pk.remote_field
        if link is None or not getattr(link, "parent_link", False):
            return False
        model = link.model
    return False
