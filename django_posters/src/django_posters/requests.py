"""Ask for a poster of a row."""

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.db import models, transaction
from django.utils import timezone

from . import outbox
from .conf import get_settings
from .contract.codec import ContractError, canonical, decode, encode
from .contract.envelope import fact_id, new_job_id
from .contract.output import OutputError, parse_output, resolve_output
from .contract.references import parse_reference
from .contract.requests import PosterRequested
from .contract.topics import POSTER_REQUESTS
from .errors import RequestError
from .fields import PosterField
from .models import Poster
from .plain import plain_object


def request_poster(
    instance: models.Model,
    *,
    field: str | None = None,
    template_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    output: Mapping[str, Any] | None = None,
    strict: bool = False,
    reuse: bool = True,
    priority: Literal["normal", "bulk"] = "normal",
    deadline: datetime | None = None,
) -> Poster:
    """Ask for a poster of a saved row, link the row to it, and return it; its `status` is queued.

    Everything is written in the current transaction: roll it back, and nothing was asked for. A row whose poster was
    already asked for with the same data, metadata and options keeps that one, unless it failed or was cancelled;
    `reuse=False` asks again and has it rendered anew.

    `field` is needed where the model has several PosterFields. `template_id` is `<section>_latest` (the default),
    `<section>@<version>` or a version's UUID. `metadata` (4 KB) comes back untouched on the poster. `output` is the
    contract's object, as in `{"format": "jpeg", "width": 1200, "height": 630}`. With `strict` a missing asset or
    truncated text fails the poster. After `deadline`, an aware datetime, it is not rendered any more.

    Raises RequestError or PostersSettingsError before anything is written.
    """
    poster_field = _find_field(type(instance), field)
    _check_saved(instance)
    request = _build(
        job_id=new_job_id(now := timezone.now(), secrets.token_bytes(10)),
        now=now,
        template_id=template_id or f"{poster_field.section}_latest",
        entity_id=str(instance.pk),
        custom_data=plain_object(poster_field.custom_data(instance), "custom_data"),
        metadata=plain_object(metadata or {}, "metadata"),
        output=plain_object(output, "output") if output else None,
        strict=strict,
        reuse=reuse,
        priority=priority,
        deadline=deadline,
    )
    with transaction.atomic(using=outbox.database()):
        poster = _unchanged(instance, poster_field, request) if reuse else None
        if poster is None:
            poster = _write(instance, poster_field, request)
    setattr(instance, poster_field.name, poster)
    return poster


async def arequest_poster(instance: models.Model, **options: Any) -> Poster:
    """Do what `request_poster()` does, from async code."""
    return await sync_to_async(request_poster)(instance, **options)


def _find_field(model: type[models.Model], name: str | None) -> PosterField:
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


def _check_saved(instance: models.Model) -> None:
    label = type(instance)._meta.label
    if instance.pk is None or instance._state.adding:
        raise RequestError(f"this {label} is not saved; call its save() before request_poster()")
    if instance._state.db != outbox.database():
        raise RequestError(
            f"this {label} lives in the database {instance._state.db!r}, the posters in {outbox.database()!r}; "
            "route both to one database, so that one transaction holds them"
        )


def _build(*, job_id: str, now: datetime, output: dict[str, Any] | None, **fields: Any) -> PosterRequested:
    try:
        parse_reference(fields["template_id"])
        resolve_output(parse_output(output))
        request = PosterRequested(
            event_id=fact_id("poster.requested", job_id),
            occurred_at=now,
            source=get_settings().site,
            job_id=job_id,
            output=output,
            **fields,
        )
        # Constructing checks no types; reading it back does, as every worker will.
        return decode(encode(request), PosterRequested)
    except (ContractError, OutputError, ValueError, TypeError) as error:
        raise RequestError(f"this poster cannot be asked for: {error}") from error


def _digest(request: PosterRequested) -> str:
    asked = [
        request.template_id,
        request.entity_id,
        request.custom_data,
        request.metadata,
        request.output,
        request.strict,
    ]
    return hashlib.sha256(canonical(asked)).hexdigest()


def _rows(instance: models.Model) -> models.QuerySet[Any]:
    return type(instance)._base_manager.using(outbox.database()).filter(pk=instance.pk)


def _unchanged(instance: models.Model, field: PosterField, request: PosterRequested) -> Poster | None:
    # Read through the row itself: the instance in hand may be older than its row.
    newest = Poster.objects.using(outbox.database()).filter(pk__in=_rows(instance).values(field.attname))
    unusable = (Poster.Status.FAILED, Poster.Status.CANCELLED)
    return newest.filter(digest=_digest(request)).exclude(status__in=unusable).first()


def _write(instance: models.Model, field: PosterField, request: PosterRequested) -> Poster:
    poster = Poster.objects.using(outbox.database()).create(
        id=uuid.UUID(request.job_id.removeprefix("template_gen_")),
        job_id=request.job_id,
        owner_model=type(instance)._meta.label_lower,
        entity_id=request.entity_id,
        section=field.section,
        template_id=request.template_id,
        digest=_digest(request),
        metadata=request.metadata,
        requested_at=request.occurred_at,
    )
    if not _rows(instance).update(**{field.name: poster}):
        raise RequestError(f"this {type(instance)._meta.label} is not in the database any more; nothing was asked for")
    outbox.add(request, topic=POSTER_REQUESTS, key=request.job_id)
    return poster
