"""Ask for a poster of a row."""

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from django.db import models, transaction
from django.utils import timezone

from . import delivery, outbox
from .asynchronous import asynchronous
from .catalog import Chosen, choose, is_current
from .conf import get_settings
from .contract.codec import ContractError, canonical, decode, encode
from .contract.envelope import fact_id, new_job_id
from .contract.output import OutputError, parse_output, resolve_output
from .contract.requests import PosterRequested
from .errors import RequestError
from .fields import PosterField
from .models import Job, Poster
from .plain import plain_object
from .rows import check_saved, find_field, stored


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
    already asked for with the same data, metadata and options keeps that one, unless it failed or was cancelled, or
    another version of the template became active since; `reuse=False` asks again and has it rendered anew.

    `field` is needed where the model has several PosterFields. `template_id` is `<section>_latest` (the default),
    `<section>@<version>` or a version's UUID. `metadata` (4 KB) comes back untouched on the poster. `output` is the
    contract's object, as in `{"format": "jpeg", "width": 1200, "height": 630}`. With `strict` a missing asset or
    truncated text fails the poster. After `deadline`, an aware datetime, it is not rendered any more.

    Raises RequestError or PostersSettingsError before anything is written.
    """
    settings = get_settings()
    poster_field = find_field(type(instance), field)
    check_saved(instance)
    chosen = choose(poster_field.section, template_id)
    check_options(priority, deadline)
    request = _build(
        job_id=new_job_id(now := timezone.now(), secrets.token_bytes(10)),
        now=now,
        source=settings.site,
        template_id=chosen.template_id,
        entity_id=str(instance.pk),
        custom_data=plain_object(poster_field.custom_data(instance), "custom_data"),
        metadata=plain_object(metadata or {}, "metadata"),
        output=plain_output(output),
        strict=strict,
        reuse=reuse,
        priority=priority,
        deadline=deadline,
    )
    with transaction.atomic(using=outbox.database()):
        poster = _current(instance, poster_field, request, chosen) if reuse else None
        if poster is None:
            poster = _write(instance, poster_field, request, chosen)
            delivery.send_request(request)
    setattr(instance, poster_field.name, poster)
    return poster


arequest_poster = asynchronous(request_poster)


def plain_output(output: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the `output` of a request as plain data. Raises RequestError where no worker could make it."""
    if output is None:
        return None
    plain = plain_object(output, "output")
    try:
        resolve_output(parse_output(plain))
    except OutputError as error:
        raise RequestError(f"this poster cannot be asked for: {error}") from error
    return plain or None


def check_options(priority: object, deadline: object) -> None:
    """Raise RequestError where there is no such lane, or the deadline is no moment."""
    if priority not in ("normal", "bulk", None):
        raise RequestError(f"`priority` is {priority!r}; it takes 'normal' or 'bulk'")
    if deadline is not None and (not isinstance(deadline, datetime) or timezone.is_naive(deadline)):
        raise RequestError(
            f"`deadline` is {deadline!r}; it takes an aware datetime, such as timezone.now() + timedelta(hours=1)"
        )


def digest_of(
    *, template_id: str, entity_id: str, custom_data: object, metadata: object, output: object, strict: bool
) -> str:
    """Return the SHA-256 of what a poster depends on: the same again need not be asked for."""
    asked = [template_id, entity_id, custom_data, metadata, output, strict]
    return hashlib.sha256(canonical(asked)).hexdigest()


def _build(*, now: datetime, job_id: str, **fields: Any) -> PosterRequested:
    try:
        request = PosterRequested(
            event_id=fact_id("poster.requested", job_id), occurred_at=now, job_id=job_id, **fields
        )
        # Constructing checks no types; reading it back does, as every worker will.
        return decode(encode(request), PosterRequested)
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"this poster cannot be asked for: {error}") from error


def _digest(request: PosterRequested) -> str:
    return digest_of(
        template_id=request.template_id,
        entity_id=request.entity_id,
        custom_data=request.custom_data,
        metadata=request.metadata,
        output=request.output,
        strict=request.strict,
    )


def _current(instance: models.Model, field: PosterField, request: PosterRequested, chosen: Chosen) -> Poster | None:
    # Read through the row itself: the instance in hand may be older than its row.
    posters = Poster.objects.using(outbox.database()).select_related("job")
    newest = posters.filter(pk__in=stored(instance).values(field.attname)).first()
    return newest if newest is not None and is_current(newest, _digest(request), chosen) else None


def _write(instance: models.Model, field: PosterField, request: PosterRequested, chosen: Chosen) -> Poster:
    using = outbox.database()
    width, height = chosen.size(request.output or {})
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
        raise RequestError(f"this {type(instance)._meta.label} is not in the database any more; nothing was asked for")
    return poster
