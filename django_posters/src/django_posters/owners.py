"""The owner of a poster: the model and the row of the site that it shows."""

from django.apps import apps
from django.db import models

from .database import database_alias
from .models import Poster


def owner_model(label: str) -> type[models.Model] | None:
    """Return the model with this `app_label.modelname`, None where the site no longer has it."""
    try:
        return apps.get_model(label)
    except LookupError:
        return None


def owner_of(poster: Poster) -> models.Model | None:
    """Return the row that a poster shows, None where it was deleted."""
    model = owner_model(poster.owner_model)
    if model is None:
        return None
    row: models.Model | None = model._base_manager.using(database_alias()).filter(pk=poster.entity_id).first()
    return row
