"""Request posters of many rows as one job: stream the rows, buffer the encoded posters, write the batch in parts."""

import secrets
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, Final, Literal

import orjson
from django.db import models, router, transaction
from django.db.models.query import ModelIterable
from django.utils import timezone
from msgspec import Raw

from django_posters.conf import get_settings
from django_posters.contract.codec import ContractError, decode, decode_poster, encode
from django_posters.contract.envelope import fact_id, new_job_id
from django_posters.contract.limits import JOB_MAX_POSTERS, REQUEST_MAX_BYTES
from django_posters.contract.requests import BatchRequested
from django_posters.database import database_alias
from django_posters.errors import RequestError
from django_posters.fields import PosterField
from django_posters.models import Job, Poster
from django_posters.results.outcomes import announce_empty_job
from django_posters.results.pictures import PICTURE, picture_of, show_latest_of
from django_posters.row_ids import id_text
from django_posters.serialization import plain_object

from .async_variant import async_variant
from .batch_buffer import BatchBuffer
from .delivery import send_request
from .dimensions import expected_size, stored_sizes
from .options import check_options, digest_of, plain_output, retries_after
from .rows import check_database, find_field, lock_links, read_alt, read_data, row_name
from .template_choice import ChosenTemplate, choose_template, is_current

MAX_POSTERS: Final = JOB_MAX_POSTERS
"""Limit of one job; its rows are written in one transaction."""
_CHUNK_SIZE: Final = 500


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
    """Request a poster of every row of a queryset as one job, link the rows to the posters, and return the job.

    The rows are streamed: at most 500 are in memory at a time, and a job has at most 100,000. Rows whose poster can be
    reused, as in `request_poster()`, are skipped; a job without any other row is completed at once. `metadata` belongs
    to the job and to each of its posters. Without a `priority` the workers treat more than 10 posters as bulk. The
    other options are those of `request_poster()`.

    Raises RequestError or PostersSettingsError before anything is written.
    """
    settings = get_settings()
    rows = _rows(queryset)
    poster_field = find_field(rows.model, field)
    template = choose_template(poster_field.section, template_id)
    check_options(priority, deadline, strict=strict)
    now = timezone.now()
    batch = _checked(
        BatchRequested(
            event_id=fact_id("batch"),
            occurred_at=now,
            source=settings.site,
            job_id=new_job_id(now, secrets.token_bytes(10)),
            template_id=template.template_id,
            posters=[Raw(b"{}")],
            metadata=plain_object(metadata or {}, "metadata"),
            output=plain_output(output),
            strict=strict,
            reuse=reuse,
            priority=priority,
            deadline=deadline,
        )
    )
    with transaction.atomic(using=database_alias()), BatchBuffer() as buffer:
        requested = list(_read(rows, poster_field, batch, template, buffer))
        _check_count(len(buffer))  # rows may have been added since they were counted
        return _write(rows.model, poster_field, batch, template, requested, buffer)


arequest_posters = async_variant(request_posters)


@dataclass(frozen=True, slots=True)
class _RequestedRow:
    """A row that gets a new poster. `newest` is the one that it had, which may have no picture of its own yet."""

    pk: Any
    digest: str
    alt: str
    retries: int
    newest: uuid.UUID | None
    waits: bool


def _rows(queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
    if not isinstance(queryset, models.QuerySet) or not issubclass(queryset._iterable_class, ModelIterable):
        raise RequestError(
            f"request_posters() takes a queryset of rows, not a {type(queryset).__name__}; "
            "pass Model.objects.filter(…), without values()"
        )
    chosen: str | None = queryset._db  # type: ignore[attr-defined]
    alias = chosen or router.db_for_write(queryset.model, **queryset._hints)  # type: ignore[attr-defined]
    check_database(queryset.model._meta.label, alias)
    rows = queryset.using(alias)  # not from a replica, which may be behind
    _check_count(rows.count())
    return rows if rows.ordered or rows.query.is_sliced else rows.order_by("pk")


def _check_count(count: int) -> None:
    if count > MAX_POSTERS:
        raise RequestError(f"{count:,} posters are too many for one job; request {MAX_POSTERS:,} at a time")


def _checked(batch: BatchRequested) -> BatchRequested:
    try:
        return decode(encode(batch), BatchRequested)
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"these posters cannot be requested: {error}") from error


def _read(
    rows: models.QuerySet[Any], field: PosterField, batch: BatchRequested, template: ChosenTemplate, buffer: BatchBuffer
) -> Iterator[_RequestedRow]:
    seen = set()
    for chunk in _chunks(rows.iterator(chunk_size=_CHUNK_SIZE)):
        links = lock_links(chunk, field)
        posters = _posters(set(links.values()))
        for row in chunk:
            if row.pk in seen or row.pk not in links:  # a join can yield a row more than once; a row may be deleted
                continue
            seen.add(row.pk)
            if getattr(row, field.attname) != links[row.pk]:
                # A poster of newer data was requested since the row was read.
                row.refresh_from_db(using=database_alias())
            poster, digest = _encode(row, field, batch)
            current = posters.get(links[row.pk])
            if batch.reuse and current is not None and is_current(current, digest, template):
                continue
            buffer.append(poster)
            retries = retries_after(current, digest)
            waits = current is not None and not current.has_own_picture
            yield _RequestedRow(row.pk, digest, read_alt(row, field), retries, links[row.pk], waits)


def _chunks(rows: Iterator[Any]) -> Iterator[list[Any]]:
    while chunk := list(islice(rows, _CHUNK_SIZE)):
        yield chunk


def _posters(ids: set[Any]) -> dict[Any, Poster]:
    columns = ("digest", "status", "requested_at", "template_version", "degraded", "retry_at", "automatic_retries")
    posters = Poster.objects.using(database_alias()).select_related("job")
    return posters.only(*columns, "url", "picture_of", "job__cancel_requested_at").in_bulk(list(ids - {None}))


def _encode(row: models.Model, field: PosterField, batch: BatchRequested) -> tuple[bytes, str]:
    custom_data = read_data(row, field, f"{row_name(row)}: custom_data")
    poster = {"entity_id": id_text(row.pk), "custom_data": custom_data}
    try:
        encoded = orjson.dumps(poster)
        decode_poster(Raw(encoded))
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"the poster of {row_name(row)} cannot be requested: {error}") from error
    digest = digest_of(
        template_id=batch.template_id,
        entity_id=id_text(row.pk),
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
    template: ChosenTemplate,
    requested: list[_RequestedRow],
    buffer: BatchBuffer,
) -> Job:
    job = Job.objects.using(database_alias()).create(
        job_id=batch.job_id,
        owner_model=model._meta.label_lower,
        section=field.section,
        template_id=batch.template_id,
        total_count=len(buffer),
        metadata=batch.metadata,
        requested_at=batch.occurred_at,
    )
    parts = buffer.parts(max_bytes=_max_poster_bytes(batch))
    waiting: list[uuid.UUID] = []
    for number, (part, posters) in enumerate(zip(parts, buffer.read(parts), strict=True), start=1):
        written, rows = _posters_of(job, field, batch, template, requested, part), requested[part.start : part.stop]
        _link(model, field, written, rows)
        waiting += [poster.pk for poster, row in zip(written, rows, strict=True) if row.waits]
        event = replace(
            batch,
            event_id=fact_id("batch.requested", job.pk, number),
            posters=posters,
            part=number,
            parts=len(parts),
            first_index=part.start,
            total_count=len(buffer),
        )
        send_request(event)
    if not parts:
        announce_empty_job(job)
    if waiting:
        transaction.on_commit(partial(show_latest_of, waiting), using=database_alias(), robust=True)
    return job


def _posters_of(
    job: Job,
    field: PosterField,
    batch: BatchRequested,
    template: ChosenTemplate,
    requested: list[_RequestedRow],
    part: range,
) -> list[Poster]:
    output = batch.output or {}
    width, height = expected_size(output, template.version)
    sizes = stored_sizes(output, template.version)
    # Not read with the rows: of a large batch they would not fit the memory.
    earlier = Poster.objects.using(database_alias()).only(*PICTURE, "picture_of", "entity_id", "requested_at")
    newest = earlier.in_bulk([requested[index].newest for index in part if requested[index].newest is not None])
    posters = [
        Poster(
            job=job,
            poster_index=index,
            owner_model=job.owner_model,
            field_name=field.name,
            entity_id=id_text(requested[index].pk),
            section=field.section,
            template_id=batch.template_id,
            digest=requested[index].digest,
            metadata=batch.metadata,
            output=output,
            strict=batch.strict,
            css_width=width,
            css_height=height,
            variant_sizes=sizes,
            alt=requested[index].alt,
            automatic_retries=requested[index].retries,
            requested_at=_time_after(newest.get(requested[index].newest), batch.occurred_at),
            **picture_of(newest.get(requested[index].newest), id_text(requested[index].pk)),
        )
        for index in part
    ]
    return Poster.objects.using(database_alias()).bulk_create(posters)


def _time_after(newest: Poster | None, at: datetime) -> datetime:
    # The row's newest poster may have been requested while the batch read other rows.
    return at if newest is None else max(at, newest.requested_at + timedelta(microseconds=1))


def _link(model: type[models.Model], field: PosterField, posters: list[Poster], requested: list[_RequestedRow]) -> None:
    rows = [model(pk=row.pk, **{field.attname: poster.pk}) for row, poster in zip(requested, posters, strict=True)]
    model._base_manager.using(database_alias()).bulk_update(rows, [field.name])


def _max_poster_bytes(batch: BatchRequested) -> int:
    largest = replace(
        batch,
        part=JOB_MAX_POSTERS,
        parts=JOB_MAX_POSTERS,
        first_index=JOB_MAX_POSTERS - 1,
        total_count=JOB_MAX_POSTERS,
    )
    return REQUEST_MAX_BYTES - len(encode(largest))
