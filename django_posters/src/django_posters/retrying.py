"""Ask again for posters that came to nothing."""

from django.db import models

from . import outbox
from .errors import RequestError
from .models import Poster
from .requests import request_poster
from .rows import owner_model


def owner_of(poster: Poster) -> models.Model | None:
    """Return the row that a poster shows, None where it is gone."""
    model = owner_model(poster.owner_model)
    if model is None:
        return None
    row: models.Model | None = model._base_manager.using(outbox.database()).filter(pk=poster.entity_id).first()
    return row


def retry_poster(poster: Poster) -> Poster:
    """Ask for a new poster of the same row with the same options, rendered anew. Raises RequestError."""
    owner = owner_of(poster)
    if owner is None:
        raise RequestError(f"{poster.owner_model} {poster.entity_id} is not there any more; nothing was asked for")
    return request_poster(
        owner,
        field=poster.field_name,
        template_id=None if poster.template_id == f"{poster.section}_latest" else poster.template_id,
        metadata=poster.metadata,
        output=poster.output,
        strict=poster.strict,
        reuse=False,
    )
