"""Retry of failed or cancelled posters: a new request for the same row with the same options."""

from typing import Literal

from django_posters.errors import RequestError
from django_posters.models import Poster

from .single import request_poster


def retry_poster(poster: Poster, *, priority: Literal["normal", "bulk"] = "normal") -> Poster:
    """Request a new rendering for the same row with the same options, without reuse. Raises RequestError."""
    owner = poster.row
    if owner is None:
        raise RequestError(f"{poster.owner_model} {poster.entity_id} was deleted; nothing was requested")
    return request_poster(
        owner,
        field=poster.field_name,
        template_id=None if poster.template_id == f"{poster.section}_latest" else poster.template_id,
        metadata=poster.metadata,
        output=poster.output,
        strict=poster.strict,
        reuse=False,
        priority=priority,
    )
