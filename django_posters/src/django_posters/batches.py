"""Ask for posters of many rows, as one job."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any, Final, Literal

import orjson
from django.db import models, transaction
from django.db.models.query import ModelIterable
from django.utils import timezone
from msgspec import Raw

from . import delivery, outbox
from .asynchronous import asynchronous
from .catalog import Chosen, choose, is_current
from .conf import get_settings
from .contract.codec import ContractError, decode, decode_poster, encode
from .contract.envelope import fact_id, new_job_id
from .contract.limits import NUMBER_MAX, REQUEST_MAX_BYTES
from .contract.requests import BatchRequested
from .errors import RequestError
from .fields import PosterField
from .models import Job, Poster
from .plain import plain_object
from .requests import check_options, digest_of, plain_output
from .results import announce_empty_job
from .rows import check_database, find_field
from .spool import Spool

MAX_POSTERS: Final = 100_000
"""Of one job: its rows are written in one transaction."""
_CHUNK: Final = 500


def request_posters(
    queryset: models.QuerySet[Any],
    *,
    field: str | None = None,
    template_id: str | None = None,
    metadata: Mapping[str, Any] | None = None,
    output: Mapping[str, Any] | None = None,
    strict: bool = False,
    reuse: bool = True,
    priority: Literal["normal", "bulk"] | None = None,
    deadline: datetime | None = None,
) -> Job:
    """Ask for a poster of every row of a queryset, as one job, link the rows to them, and return the job.

    The rows are streamed: at most 500 are in memory at a time, and never more than 100,000 in one job. Rows whose
    poster is current, as in `request_poster()`, are left out; a job for which nothing is left is completed at once.
    `metadata` is that of the job and of each of its posters. Without a `priority` the workers take more than 10
    posters for bulk. The other options are those of `request_poster()`.

    Raises RequestError or PostersSettingsError before anything is written.
    """
    settings = get_settings()
    rows = _rows(queryset)
    poster_field = find_field(rows.model, field)
    chosen = choose(poster_field.section, template_id)
    check_options(priority, deadline)
    now = timezone.now()
    batch = _checked(
        BatchRequested(
            event_id=fact_id("batch"),
            occurred_at=now,
            source=settings.site,
            job_id=new_job_id(now, secrets.token_bytes(10)),
            template_id=chosen.template_id,
            posters=[Raw(b"{}")],
            metadata=plain_object(metadata or {}, "metadata"),
            output=plain_output(output),
            strict=strict,
            reuse=reuse,
            priority=priority,
            deadline=deadline,
        )
    )
    with transaction.atomic(using=outbox.database()), Spool() as spool:
        asked = list(_read(rows, poster_field, batch, chosen, spool))
        return _write(rows.model, poster_field, batch, chosen, asked, spool)


arequest_posters = asynchronous(request_posters)


@dataclass(frozen=True, slots=True)
class _Asked:
    """A row that gets a new poster."""

    pk: Any
    digest: str


def _rows(queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
    if not isinstance(queryset, models.QuerySet) or not issubclass(queryset._iterable_class, ModelIterable):
        raise RequestError(
            f"request_posters() takes a queryset of rows, not a {type(queryset).__name__}; "
            "pass Model.objects.filter(…), without values()"
        )
    check_database(queryset.model._meta.label, queryset.db)
    count = queryset.count()
    if count > MAX_POSTERS:
        raise RequestError(f"{count:,} posters are too many for one job; ask for {MAX_POSTERS:,} at a time")
    return queryset if queryset.ordered or queryset.query.is_sliced else queryset.order_by("pk")


def _checked(batch: BatchRequested) -> BatchRequested:
    try:
        return decode(encode(batch), BatchRequested)
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"these posters cannot be asked for: {error}") from error


def _read(
    rows: models.QuerySet[Any], field: PosterField, batch: BatchRequested, chosen: Chosen, spool: Spool
) -> Iterator[_Asked]:
    seen = set()
    for chunk in _chunks(rows.iterator(chunk_size=_CHUNK)):
        posters = _posters(field, chunk) if batch.reuse else {}
        for row in chunk:
            if row.pk in seen:  # a join yields a row more than once
                continue
            seen.add(row.pk)
            poster, digest = _encode(row, field, batch)
            current = posters.get(getattr(row, field.attname))
            if current is None or not is_current(current, digest, chosen):
                spool.append(poster)
                yield _Asked(row.pk, digest)


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _posters(field: PosterField, rows: list[Any]) -> dict[Any, Poster]:
    ids = [poster_id for row in rows if (poster_id := getattr(row, field.attname)) is not None]
    columns = ("digest", "status", "url", "requested_at", "template_version", "job__cancel_requested_at")
    return Poster.objects.using(outbox.database()).select_related("job").only(*columns).in_bulk(ids)


def _encode(row: models.Model, field: PosterField, batch: BatchRequested) -> tuple[bytes, str]:
    name = f"{row._meta.label} {row.pk}"
    custom_data = plain_object(field.custom_data(row), f"{name}: custom_data")
    poster = {"entity_id": str(row.pk), "custom_data": custom_data}
    try:
        encoded = orjson.dumps(poster)
        decode_poster(Raw(encoded))
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"the poster of {name} cannot be asked for: {error}") from error
    digest = digest_of(
        template_id=batch.template_id,
        entity_id=str(row.pk),
        custom_data=custom_data,
        metadata=batch.metadata,
        output=batch.output,
        strict=batch.strict,
    )
    return encoded, digest


def _write(
    model: type[models.Model],
    field: PosterField,
    batch: BatchRequested,
    chosen: Chosen,
    asked: list[_Asked],
    spool: Spool,
) -> Job:
    job = Job.objects.using(outbox.database()).create(
        job_id=batch.job_id,
        owner_model=model._meta.label_lower,
        section=field.section,
        template_id=batch.template_id,
        total_count=len(spool),
        metadata=batch.metadata,
        requested_at=batch.occurred_at,
    )
    parts = spool.parts(room=_room(batch))
    for number, (part, posters) in enumerate(zip(parts, spool.read(parts), strict=True), start=1):
        _link(model, field, _posters_of(job, field, batch, chosen, asked, part), asked[part.start : part.stop])
        event = replace(
            batch,
            event_id=fact_id("batch.requested", job.pk, number),
            posters=posters,
            part=number,
            parts=len(parts),
            first_index=part.start,
            total_count=len(spool),
        )
        delivery.send_request(event)
    if not parts:
        announce_empty_job(job)
    return job


def _posters_of(
    job: Job, field: PosterField, batch: BatchRequested, chosen: Chosen, asked: list[_Asked], part: range
) -> list[Poster]:
    width, height = chosen.size(batch.output or {})
    posters = [
        Poster(
            job=job,
            poster_index=index,
            owner_model=job.owner_model,
            field_name=field.name,
            entity_id=str(asked[index].pk),
            section=field.section,
            template_id=batch.template_id,
            digest=asked[index].digest,
            metadata=batch.metadata,
            output=batch.output or {},
            strict=batch.strict,
            css_width=width,
            css_height=height,
            requested_at=batch.occurred_at,
        )
        for index in part
    ]
    return Poster.objects.using(outbox.database()).bulk_create(posters)


def _link(model: type[models.Model], field: PosterField, posters: list[Poster], asked: list[_Asked]) -> None:
    rows = [model(pk=row.pk, **{field.attname: poster.pk}) for row, poster in zip(asked, posters, strict=True)]
    model._base_manager.using(outbox.database()).bulk_update(rows, [field.name])


def _room(batch: BatchRequested) -> int:
    largest = replace(batch, part=NUMBER_MAX, parts=NUMBER_MAX, first_index=NUMBER_MAX - 1, total_count=NUMBER_MAX)
    return REQUEST_MAX_BYTES - len(encode(largest))
