"""Events between the roles: the pinned poster, its retries, and cancellations of jobs."""

from dataclasses import dataclass, field
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from .envelope import Envelope
from .fields import Count, Index, JobId, JsonObject, Positive, Priority, Timestamp
from .outcomes import Failure, PosterWarning, Sha256
from .output import Output

Tier = Annotated[int, Meta(ge=1, le=3)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterPinned(Envelope):
    """One poster to render, with its template version pinned and its output resolved; never an alias.

    On the retry topics `due_at`, `tier` and `error` say when and why it is tried again. A preview answers the
    command `command_id` and has no job row. `warnings` are what intake found; the completion repeats them.
    """

    type: Literal["poster.pinned"] = "poster.pinned"
    job_id: JobId
    poster_index: Index
    entity_id: str
    template_version_id: UUID
    section: str
    template_version: Count
    custom_data: JsonObject = field(default_factory=dict)
    metadata: JsonObject = field(default_factory=dict)
    output: Output
    strict: bool = False
    reuse: bool = True
    deadline: Timestamp | None = None
    lane: Priority = "normal"
    generation: Count = 0
    attempt: Positive = 1
    purpose: Literal["poster", "preview"] = "poster"
    command_id: UUID | None = None
    requested_at: Timestamp
    input_digest: Sha256
    due_at: Timestamp | None = None
    tier: Tier | None = None
    error: Failure | None = None
    warnings: list[PosterWarning] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancellation(Envelope):
    """A job whose posters up to and including `up_to_generation` are not to be rendered any more."""

    type: Literal["job.cancellation"] = "job.cancellation"
    job_id: JobId
    up_to_generation: Count
    reason: str | None = None
