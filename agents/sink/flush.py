"""One flush: a merged batch into the tables, in one transaction and one round trip, and what it changed."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
import orjson

from agents.postgres import Database, as_json
from agents.sink.merge import MergedBatch
from schemas.fields import JobStatus, JsonObject, PosterStatus
from streams.time_slices import TimeSlices

_SOURCE: Final = Path(__file__).with_name("flush.sql").read_text(encoding="utf-8")
_VERSION: Final = hashlib.sha256(_SOURCE.encode()).hexdigest()[:12]
FLUSH_FUNCTION: Final = f"flush_batch_{_VERSION}"
"""The function of this build in the database; other builds have others."""
CREATE_FLUSH_FUNCTION: Final = _SOURCE.replace("{version}", _VERSION)
"""SQL that creates it, in the first schema of the search path."""

FLUSH_SIGNATURE: Final = f"{FLUSH_FUNCTION}(json, json, json, json, boolean)"

_CALL: Final = f"SELECT {FLUSH_FUNCTION}($1, $2, $3, $4, $5)"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """A job as one revision of it left it."""

    job_id: str
    status: JobStatus
    total_count: int
    success_count: int
    failure_count: int
    cancelled_count: int
    revision: int
    revised_at: datetime
    metadata: JsonObject
    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndedPoster:
    """How a poster ended in this flush, and `seconds` from its request to now where the request is known.

    `single`: its job has no other poster.
    """

    status: PosterStatus
    error_code: str | None
    single: bool
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenBatch:
    """What a flush changed.

    `jobs`: those that changed, and those of redelivered events, whose change may not have been published before a
    crash. `ended`: posters whose outcome is new. `cancelled`: jobs whose open posters are to be cancelled. `moved`:
    posters whose state changed. `conflicts`: later outcomes that were not applied. `logged`: lines.
    """

    jobs: list[JobState]
    ended: list[EndedPoster]
    cancelled: list[str]
    moved: int
    conflicts: int
    logged: int


async def flush(database: Database, batch: MergedBatch, *, count_bytes: bool = False) -> WrittenBatch:
    """Write the batch, whole or not at all. Raises UnavailableError, BadRowError, SchemaMismatchError.

    `count_bytes`: the bytes of new pictures are counted for the quotas, in the same transaction.
    """
    arguments, slices = list[str](), TimeSlices()
    for rows in (batch.jobs, batch.posters, batch.cancels, batch.logs):
        arguments.append(as_json(rows))
        await slices.end_slice_if_due()
    written: str = await database.fetch_value(_CALL, *arguments, count_bytes)
    # Postgres writes a float of jsonb out in full; orjson reads one beyond 64 bits as the float that it was.
    return msgspec.convert(orjson.loads(written), WrittenBatch)
