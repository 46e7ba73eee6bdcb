"""Rows of the sink's tables: the field names are the columns (`migrations/`)."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from schemas import outcomes
from schemas.fields import JsonObject, PosterStatus
from schemas.progress import Level

RANKS: Final[dict[PosterStatus, int]] = {"queued": 0, "processing": 1, "completed": 2, "failed": 2, "cancelled": 2}
"""As the SQL function `status_rank`: 2 is terminal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """A job as its request describes it."""

    job_id: str
    total_count: int
    requested_at: datetime
    template_id: str | None = None
    input_data: JsonObject = field(default_factory=dict)
    metadata: JsonObject = field(default_factory=dict)
    source: str | None = None
    deadline: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterRow:
    """A poster in the state of one event.

    `requested_at` is set where the event is the request itself, which alone has `custom_data` and `output`.
    """

    job_id: str
    poster_index: int
    status: PosterStatus
    event_id: UUID
    created_at: datetime
    entity_id: str = "unknown"
    generation: int = 0
    attempt: int = 1
    output_url: str | None = None
    object_key: str | None = None
    sha256: str | None = None
    size_bytes: int | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    template_version_id: UUID | None = None
    section: str | None = None
    template_version: int | None = None
    generation_time_ms: int | None = None
    queue_time_ms: int | None = None
    cached: bool = False
    degraded: bool = False
    warnings: list[outcomes.PosterWarning] = field(default_factory=list)
    assets: list[outcomes.Asset] = field(default_factory=list)
    images: list[outcomes.Image] = field(default_factory=list)
    error_code: str | None = None
    error_message: str | None = None
    custom_data: JsonObject = field(default_factory=dict)
    output: JsonObject | None = None
    metadata: JsonObject = field(default_factory=dict)
    source: str | None = None
    requested_at: datetime | None = None
    finished_at: datetime | None = None
    outcome_topic: str | None = None
    outcome_partition: int | None = None
    outcome_offset: int | None = None

    @property
    def key(self) -> tuple[str, int]:
        """The identity of the poster."""
        return self.job_id, self.poster_index

    @property
    def rank(self) -> int:
        """0 queued, 1 processing, 2 terminal."""
        return RANKS[self.status]


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRow:
    """A request to cancel the posters of a job that have no outcome."""

    job_id: str
    cancel_event_id: UUID
    cancel_requested_at: datetime
    cancel_reason: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogRow:
    """One line of a job's log; `created_at` is the event's own time."""

    event_id: UUID
    job_id: str
    level: Level
    code: str
    message: str
    created_at: datetime
    poster_index: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    source: str | None = None


Row = JobRow | PosterRow | CancelRow | LogRow
