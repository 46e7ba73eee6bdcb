"""The owner of a poster: the model and the row of the site that it shows."""

from django.apps import apps
from django.db import models


def owner_model(label: str) -> type[models.Model] | None:
    """Return the model with this `app_label.modelname`, None where the site no longer has it."""
    try:
        return apps.get_model(label)
    except LookupError:
        return None
