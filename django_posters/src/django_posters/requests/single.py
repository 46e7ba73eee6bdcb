"""Request a poster of one row: validate, reuse a current poster, or write a new one and its outbox event."""

import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from django.db import models, transaction
from django.utils import timezone

from django_posters.conf import get_settings
from django_posters.contract.codec import ContractError, decode, encode
from django_posters.contract.envelope import fact_id, new_job_id
from django_posters.contract.requests import PosterRequested
from django_posters.database import database_alias
from django_posters.errors import RequestError
from django_posters.fields import PosterField
from django_posters.models import Job, Poster
from django_posters.serialization import plain_object

from .async_variant import async_variant
from .delivery import send_request
from .dimensions import expected_size
from .options import check_options, digest_of, plain_output
from .rows import check_saved, find_field, stored
from .template_choice import ChosenTemplate, choose_template, is_current


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
    """Request a poster of a saved row, link the row to it, and return it; its `status` is queued.

    Everything is written in the current transaction, and a rollback removes the request. A row whose poster was
    requested with the same data, metadata and options reuses that poster, unless it failed, was cancelled or erased, or
    another version of the template became active since. `reuse=False` always requests a new rendering.

    `field` is needed where the model has several PosterFields. `template_id` is `<section>_latest` (the default),
    `<section>@<version>` or a version's UUID. `metadata` (up to 4 KB) is returned unchanged on the poster. `output` is
    the contract's object, as in `{"format": "jpeg", "width": 1200, "height": 630}`. With `strict` a missing asset, a
    truncated text or a failing script fails the poster. After `deadline`, an aware datetime, the poster is no longer
    rendered.

    Raises RequestError or PostersSettingsError before anything is written.
    """
    settings = get_settings()
    poster_field = find_field(type(instance), field)
    check_saved(instance)
    template = choose_template(poster_field.section, template_id)
    check_options(priority, deadline)
    request = _build(
        job_id=new_job_id(now := timezone.now(), secrets.token_bytes(10)),
        now=now,
        source=settings.site,
        template_id=template.template_id,
        entity_id=str(instance.pk),
        custom_data=plain_object(poster_field.custom_data(instance), "custom_data"),
        metadata=plain_object(metadata or {}, "metadata"),
        output=plain_output(output),
        strict=strict,
        reuse=reuse,
        priority=priority,
        deadline=deadline,
    )
    with transaction.atomic(using=database_alias()):
        poster = _current(instance, poster_field, request, template) if reuse else None
        if poster is None:
            poster = _write(instance, poster_field, request, template)
            send_request(request)
    setattr(instance, poster_field.name, poster)
    return poster


arequest_poster = async_variant(request_poster)


def _build(*, now: datetime, job_id: str, **fields: Any) -> PosterRequested:
    try:
        request = PosterRequested(
            event_id=fact_id("poster.requested", job_id), occurred_at=now, job_id=job_id, **fields
        )
        # The constructor checks no types; decoding does, and every worker decodes the request.
        return decode(encode(request), PosterRequested)
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"this poster cannot be requested: {error}") from error


def _digest(request: PosterRequested) -> str:
    return digest_of(
        template_id=request.template_id,
        entity_id=request.entity_id,
        custom_data=request.custom_data,
        metadata=request.metadata,
        output=request.output,
        strict=request.strict,
    )


def _current(
    instance: models.Model, field: PosterField, request: PosterRequested, template: ChosenTemplate
) -> Poster | None:
    # Read from the database: the instance may be older than its row.
    posters = Poster.objects.using(database_alias()).select_related("job")
    newest = posters.filter(pk__in=stored(instance).values(field.attname)).first()
    return newest if newest is not None and is_current(newest, _digest(request), template) else None


def _write(instance: models.Model, field: PosterField, request: PosterRequested, template: ChosenTemplate) -> Poster:
    using = database_alias()
    width, height = expected_size(request.output or {}, template.version)
    shared = {
        "owner_model": type(instance)._meta.label_lower,
        "section": field.section,
        "template_id": request.template_id,
        "metadata": request.metadata,
        "requested_at": request.occurred_at,
    }
    job = Job.objects.using(using).create(job_id=request.job_id, total_count=1, **shared)
    poster = Poster.objects.using(using).create(
        id=uuid.UUID(request.job_id.removeprefix("template_gen_")),
        job=job,
        field_name=field.name,
        entity_id=request.entity_id,
        digest=_digest(request),
        output=request.output or {},
        strict=request.strict,
        css_width=width,
        css_height=height,
        **shared,
    )
    if not stored(instance).update(**{field.name: poster}):
        raise RequestError(f"this {type(instance)._meta.label} is not in the database any more; nothing was requested")
    return poster
