"""Progress of a poster on `poster-progress`, and its log on `poster-logs`."""

from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from .envelope import Envelope
from .fields import Count, Index, JobId, JsonObject, Positive, Timestamp
from .outcomes import Failure

Level = Literal["INFO", "WARNING", "ERROR"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterProgress(Envelope):
    """A step of a poster that is not its end; `error` and `due_at` only where it is being retried."""

    type: Literal["poster.queued", "poster.processing", "poster.retrying"]
    job_id: JobId
    poster_index: Index
    entity_id: str
    template_version_id: UUID
    section: str
    template_version: Positive
    attempt: Positive = 1
    generation: Count = 0
    error: Failure | None = None
    due_at: Timestamp | None = None
    metadata: JsonObject = field(default_factory=dict)

    def __post_init__(self) -> None:
        if (self.type == "poster.retrying") != (self.error is not None and self.due_at is not None):
            raise ValueError("`poster.retrying` has `error` and `due_at`, other steps have neither")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRecorded(Envelope):
    """One line of a job's log. `code` is a short word to filter by."""

    type: Literal["log.recorded"] = "log.recorded"
    job_id: JobId
    level: Level
    code: str
    message: str
    details: JsonObject = field(default_factory=dict)
    poster_index: Index | None = None
