"""Primary keys of the site's rows as text: what events, and the posters of a row, have as `entity_id`."""

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models


def id_text(pk: Any) -> str:
    """Return a primary key as text; a composite one as a JSON list of texts."""
    return json.dumps([str(part) for part in pk], separators=(",", ":")) if isinstance(pk, tuple) else str(pk)


def parse_id(model: type[models.Model], text: str) -> Any:
    """Return the primary key that `id_text()` wrote. Raises ValueError where the model has other keys by now."""
    key = model._meta.pk
    try:
        if not isinstance(key, models.CompositePrimaryKey):
            return key.to_python(text)
        parts = json.loads(text)
        return tuple(field.to_python(part) for field, part in zip(model._meta.pk_fields, parts, strict=True))
    except (ValidationError, TypeError, ValueError) as error:
        raise ValueError(f"{text!r} is no primary key of {model._meta.label}") from error
