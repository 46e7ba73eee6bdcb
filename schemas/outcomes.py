"""How posters and jobs end, on `poster-completions` and `job-events`."""

from dataclasses import dataclass, field
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from . import limits
from .codes import ReadErrorCode, ReadWarningCode
from .envelope import Envelope
from .fields import Count, Index, JobId, JobStatus, JsonObject, Positive
from .output import Format

Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}(?!\n)$")]
OutcomeStatus = Literal["completed", "failed", "cancelled", "erased"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a poster failed, and whether another attempt could help."""

    code: ReadErrorCode
    message: str
    retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterWarning:
    """What to know about a poster that was made all the same."""

    code: ReadWarningCode
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A network asset of the document. `url` holds no user info and no query; `ms` is the time it took.

    `detail` says in words why it is missing, and which setting of the workers would allow it, where one does.
    """

    url: str
    ok: bool
    status: int | None = None
    reason: str | None = None
    bytes: int | None = None
    ms: int | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """One object of a poster: width and height in device pixels, size in bytes."""

    name: str
    url: str
    object_key: str
    sha256: Sha256
    size_bytes: Count
    width: Positive
    height: Positive
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterOutcome(Envelope):
    """The end of a poster. The first terminal one of (job_id, poster_index, generation) counts; later ones do not."""

    type: Literal["poster.completed", "poster.failed", "poster.cancelled", "poster.erased"]
    job_id: JobId
    poster_index: Index
    entity_id: str
    status: OutcomeStatus
    url: str | None = None
    object_key: str | None = None
    sha256: Sha256 | None = None
    size_bytes: Count | None = None
    width: Positive | None = None
    height: Positive | None = None
    format: Format | None = None
    template_version_id: UUID | None = None
    section: str | None = None
    template_version: Positive | None = None
    generation_time_ms: Count | None = None
    queue_time_ms: Count | None = None
    attempt: Positive = 1
    generation: Count = 0
    cached: bool = False
    degraded: bool = False
    warnings: list[PosterWarning] = field(default_factory=list)
    assets: Annotated[list[Asset], Meta(max_length=limits.ASSETS_MAX)] = field(default_factory=list)
    error: Failure | None = None
    metadata: JsonObject = field(default_factory=dict)
    images: list[Image] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.type != f"poster.{self.status}":
            raise ValueError(f"`type` is {self.type}, but `status` is {self.status}")
        if self.status == "completed" and not (self.object_key and self.sha256 and self.url):
            raise ValueError("a completed poster has `url`, `object_key` and `sha256`")
        if (self.status == "failed") != (self.error is not None):
            raise ValueError("a failed poster has `error`, others have none")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEvent(Envelope):
    """The state of a job after a change of its counts. Drop one whose `revision` is lower than the last you saw."""

    type: Literal["job.progressed", "job.completed", "job.failed", "job.cancelled"]
    job_id: JobId
    status: JobStatus
    total_count: Count
    success_count: Count
    failure_count: Count
    cancelled_count: Count
    revision: Count
    metadata: JsonObject = field(default_factory=dict)
