"""Request a poster of one row: validate, reuse a current poster, or write a new one and its outbox event."""

import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
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
from django_posters.results.pictures import picture_of, show_latest_of
from django_posters.row_ids import id_text
from django_posters.serialization import plain_object

from .async_variant import async_variant
from .debounce import debounce_of, replace_waiting
from .delivery import send_request
from .dimensions import expected_size, stored_sizes
from .options import check_options, digest_of, plain_output, retries_after
from .rows import check_saved, find_field, gone, lock_link, read_alt, read_data, stored
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
    requested with the same data, metadata and options reuses that poster, unless it failed, was cancelled or erased, is
    degraded for some time, or another version of the template became active since. `reuse=False` always requests a new
    rendering. Until the new poster completes, it shows the picture of the one before.

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
    check_options(priority, deadline, strict=strict)
    requested = _requested(
        instance,
        poster_field,
        template,
        source=settings.site,
        metadata=metadata,
        output=output,
        strict=strict,
        reuse=reuse,
        priority=priority,
        deadline=deadline,
    )
    with transaction.atomic(using=database_alias()):
        newest = _newest(requested)
        current = _reuse(requested, newest) if reuse else None
        poster = current or _replace(requested, newest) or _write(requested, newest)
    poster_field.link(instance, poster)
    return poster


arequest_poster = async_variant(request_poster)


@dataclass(frozen=True, slots=True)
class _RequestedPoster:
    """What is requested, and for which row."""

    instance: models.Model
    field: PosterField
    request: PosterRequested
    template: ChosenTemplate
    alt: str

    @property
    def digest(self) -> str:
        return digest_of(
            template_id=self.request.template_id,
            entity_id=self.request.entity_id,
            custom_data=self.request.custom_data,
            metadata=self.request.metadata,
            output=self.request.output,
            strict=self.request.strict,
        )

    def shared_columns(self) -> dict[str, Any]:
        """Return the columns that jobs and posters have in common."""
        return {"template_id": self.request.template_id, "metadata": self.request.metadata}

    def columns(self) -> dict[str, Any]:
        """Return the poster's columns that follow from the request."""
        output = self.request.output or {}
        width, height = expected_size(output, self.template.version)
        return self.shared_columns() | {
            "digest": self.digest,
            "output": output,
            "strict": self.request.strict,
            "css_width": width,
            "css_height": height,
            "variant_sizes": stored_sizes(output, self.template.version),
            "alt": self.alt,
        }


def _requested(
    instance: models.Model,
    field: PosterField,
    template: ChosenTemplate,
    *,
    metadata: Mapping[str, Any] | None,
    output: Mapping[str, Any] | None,
    **options: Any,
) -> _RequestedPoster:
    """Return the request of a row with these options. Raises RequestError where its data or an option is invalid."""
    now = timezone.now()
    job_id = new_job_id(now, secrets.token_bytes(10))
    fields: dict[str, Any] = {
        "custom_data": read_data(instance, field),
        "metadata": plain_object(metadata or {}, "metadata"),
        "output": plain_output(output),
    }
    try:
        request = PosterRequested(
            event_id=fact_id("poster.requested", job_id),
            occurred_at=now,
            job_id=job_id,
            template_id=template.template_id,
            entity_id=id_text(instance.pk),
            **fields,
            **options,
        )
        # The constructor checks no types; decoding does, and every worker decodes the request.
        request = decode(encode(request), PosterRequested)
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"this poster cannot be requested: {error}") from error
    return _RequestedPoster(instance, field, request, template, read_alt(instance, field))


def _newest(requested: _RequestedPoster) -> Poster | None:
    # Read from the database: the instance may be older than its row.
    link = lock_link(requested.instance, requested.field)
    posters = Poster.objects.using(database_alias()).select_related("job")
    # A copy of another row may link to that one's poster.
    return posters.filter(pk=link, entity_id=requested.request.entity_id).first() if link is not None else None


def _reuse(requested: _RequestedPoster, newest: Poster | None) -> Poster | None:
    if newest is None or not is_current(newest, requested.digest, requested.template):
        return None
    if newest.alt != requested.alt:
        newest.alt = requested.alt
        newest.save(update_fields=["alt"])
    return newest


def _replace(requested: _RequestedPoster, newest: Poster | None) -> Poster | None:
    """Put this request in the place of one that still waits, if there is one; return its poster."""
    if newest is None:
        return None
    job_id = newest.job_id
    request = replace(requested.request, job_id=job_id, event_id=fact_id("poster.requested", job_id))
    if not replace_waiting(newest, request, debounce_of(requested.field)):
        return None
    Job.objects.using(database_alias()).filter(pk=job_id).update(**requested.shared_columns())
    for name, value in requested.columns().items():
        setattr(newest, name, value)
    newest.save(update_fields=list(requested.columns()))
    return newest


def _write(requested: _RequestedPoster, newest: Poster | None) -> Poster:
    using, request = database_alias(), requested.request
    at = request.occurred_at
    shared = {
        "owner_model": type(requested.instance)._meta.label_lower,
        "section": requested.field.section,
        # A concurrent request may have got the row's lock first, although it began later.
        "requested_at": at if newest is None else max(at, newest.requested_at + timedelta(microseconds=1)),
    }
    job = Job.objects.using(using).create(job_id=request.job_id, total_count=1, **shared, **requested.shared_columns())
    poster = Poster.objects.using(using).create(
        id=uuid.UUID(request.job_id.removeprefix("template_gen_")),
        job=job,
        field_name=requested.field.name,
        entity_id=request.entity_id,
        automatic_retries=retries_after(newest, requested.digest),
        **shared,
        **requested.columns(),
        **picture_of(newest, request.entity_id),
    )
    if newest is not None and not newest.has_own_picture:
        # An earlier poster may complete while this one is not committed yet, so that nobody gives it that picture.
        transaction.on_commit(partial(show_latest_of, [poster.pk]), using=using, robust=True)
    if not stored(requested.instance).update(**{requested.field.name: poster}):
        raise gone(requested.instance)
    debounce = debounce_of(requested.field)
    send_request(request, due_at=at + debounce if debounce else None)
    return poster
