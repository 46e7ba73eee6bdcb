"""Requests of a poster that exists: the same one again for want of an outcome, or a replay in the next generation."""

import uuid
from dataclasses import dataclass
from typing import Any, Final

from django.db import models, transaction
from django.utils import timezone
from msgspec import Raw

from django_posters.conf import get_settings
from django_posters.contract.codec import ContractError, canonical, decode, encode
from django_posters.contract.envelope import fact_id
from django_posters.contract.limits import BATCH_MAX_POSTERS
from django_posters.contract.requests import BatchRequested, PosterRequested
from django_posters.database import database_alias
from django_posters.errors import RequestError
from django_posters.models import Poster, Status

from .delivery import send_request
from .options import digest_of
from .rows import find_field, read_alt, read_data

# The headers by which the workers recognise a replay.
GENERATION: Final = "replay.generation"
ORIGIN: Final = "replay.of"


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentRow:
    """What the row of a poster says now."""

    row: models.Model
    custom_data: dict[str, Any]
    alt: str
    digest: str


def read_row(poster: Poster) -> CurrentRow:
    """Return what the poster's row says now. Raises RequestError where it was deleted or its data cannot be read."""
    row = poster.row
    if row is None:
        raise RequestError(f"{poster.owner_model} {poster.entity_id} was deleted; nothing was requested")
    field = find_field(type(row), poster.field_name)
    custom_data = read_data(row, field)
    digest = digest_of(
        template_id=poster.template_id,
        entity_id=poster.entity_id,
        custom_data=custom_data,
        metadata=poster.metadata,
        output=poster.output or None,
        strict=poster.strict,
    )
    return CurrentRow(row=row, custom_data=custom_data, alt=read_alt(row, field), digest=digest)


def replay_poster(poster: Poster) -> None:
    """Request a finished poster once more, in the current transaction, and mark it as queued.

    It has the same template version and options, and the data of its row now. Raises RequestError where the poster is
    unfinished or its row was deleted.
    """
    get_settings()
    current = read_row(poster)
    generation = poster.generation + 1
    columns = {
        "status": Status.QUEUED,
        "generation": generation,
        "digest": current.digest,
        "alt": current.alt,
        "retry_at": None,
    }
    with transaction.atomic(using=database_alias()):
        rows = Poster.objects.using(database_alias()).filter(pk=poster.pk, generation=poster.generation)
        if not rows.filter(status__in=Poster.FINISHED).update(**columns):
            raise RequestError(f"the poster {poster.pk} is not finished; wait for its outcome, or cancel its job")
        _send_replay(poster, current.custom_data, generation)
    poster.refresh_from_db()


def send_again(poster: Poster, current: CurrentRow) -> None:
    """Send the request of a poster once more, with the id it had: where there was an outcome, it is stated again."""
    send_request(_request(poster, current.custom_data, fact_id("poster.requested", poster.job_id), poster.template_id))


def _send_replay(poster: Poster, custom_data: dict[str, Any], generation: int) -> None:
    """Send the request of another generation. Only this function knows by which event a site replays a poster."""
    event_id = fact_id("replay", poster.job_id, poster.poster_index, generation)
    pinned = f"{poster.section}@{poster.template_version}" if poster.template_version else poster.template_id
    headers = {GENERATION: str(generation), ORIGIN: f"{poster.job_id}/{poster.poster_index}"}
    send_request(_request(poster, custom_data, event_id, pinned), headers=headers)


def _request(
    poster: Poster, custom_data: dict[str, Any], event_id: uuid.UUID, template_id: str
) -> PosterRequested | BatchRequested:
    shared: dict[str, Any] = {
        "event_id": event_id,
        "occurred_at": timezone.now(),
        "source": get_settings().site,
        "job_id": poster.job_id,
        "template_id": template_id,
        "metadata": poster.metadata,
        "output": poster.output or None,
        "strict": poster.strict,
        "reuse": False,
    }
    total = poster.job.total_count
    try:
        if total == 1:
            single = PosterRequested(entity_id=poster.entity_id, custom_data=custom_data, **shared)
            return decode(encode(single), PosterRequested)
        batch = BatchRequested(
            posters=[Raw(canonical({"entity_id": poster.entity_id, "custom_data": custom_data}))],
            first_index=poster.poster_index,
            total_count=total,
            parts=-(-total // BATCH_MAX_POSTERS),
            **shared,
        )
        return decode(encode(batch), BatchRequested)
    except (ContractError, ValueError, TypeError) as error:
        raise RequestError(f"this poster cannot be requested: {error}") from error
