"""Requests of a site: the events on `poster-requests`."""

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from msgspec import Meta, Raw

from . import limits
from .envelope import Envelope
from .fields import (
    EntityId,
    JobId,
    JsonObject,
    Priority,
    Text,
    Timestamp,
    check_custom_data,
    check_deadline,
    check_entity_id,
    check_json,
    check_metadata,
)

# The upper bounds are checked by `BatchRequested`, whose messages say more than a decoder's.
PosterCount = Annotated[int, Meta(ge=1, extra_json_schema={"maximum": limits.JOB_MAX_POSTERS})]
FirstIndex = Annotated[int, Meta(ge=0, extra_json_schema={"maximum": limits.JOB_MAX_POSTERS - 1})]


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterRequested(Envelope):
    """One poster, please. `job_id` is the idempotency key: the same id again is the same job."""

    type: Literal["poster.requested"] = "poster.requested"
    job_id: JobId
    template_id: Text
    entity_id: EntityId = "unknown"
    custom_data: JsonObject = field(default_factory=dict)
    metadata: JsonObject = field(default_factory=dict)
    output: JsonObject | None = None
    strict: bool = False
    reuse: bool = True
    priority: Priority = "normal"
    deadline: Timestamp | None = None

    def __post_init__(self) -> None:
        check_entity_id(self.entity_id)
        check_custom_data(self.custom_data)
        check_metadata(self.metadata)
        check_json(self.output, "output")
        check_deadline(self.deadline)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPoster:
    """One poster of a batch. What it leaves out, the batch says; `metadata` is its own or the batch's, never both."""

    entity_id: EntityId = "unknown"
    custom_data: JsonObject = field(default_factory=dict)
    metadata: JsonObject | None = None
    output: JsonObject | None = None

    def __post_init__(self) -> None:
        check_entity_id(self.entity_id)
        check_custom_data(self.custom_data)
        check_metadata(self.metadata or {})
        check_json(self.output, "output")


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequested(Envelope):
    """Up to 500 posters of one job; a larger job, of up to 100,000, is several of these, each a `part` of `parts`.

    `posters` stay raw, so that each is decoded on its own and a bad one fails alone (see `codec.decode_poster`).
    """

    type: Literal["batch.requested"] = "batch.requested"
    job_id: JobId
    template_id: Text
    posters: list[Raw]
    metadata: JsonObject = field(default_factory=dict)
    output: JsonObject | None = None
    strict: bool = False
    reuse: bool = True
    priority: Priority | None = None
    deadline: Timestamp | None = None
    part: PosterCount = 1
    parts: PosterCount = 1
    first_index: FirstIndex = 0
    total_count: PosterCount | None = None

    def __post_init__(self) -> None:
        check_metadata(self.metadata)
        check_json(self.output, "output")
        check_deadline(self.deadline)
        self._check_part()

    def _check_part(self) -> None:
        if not 1 <= len(self.posters) <= limits.BATCH_MAX_POSTERS:
            raise ValueError(f"`posters` has {len(self.posters)} entries; 1 to {limits.BATCH_MAX_POSTERS} are allowed")
        if self.part > self.parts:
            raise ValueError(f"`part` is {self.part} of {self.parts} `parts`")
        if self.parts > 1 and self.total_count is None:
            raise ValueError("`total_count` is required where `parts` is more than 1")
        if self.part > 1 and self.first_index == 0:
            raise ValueError(f"`first_index` is required: it says which poster is the first of part {self.part}")
        if self.first_index + len(self.posters) > self.total:
            raise ValueError(f"`total_count` is {self.total_count}, but this part reaches past it")
        self._check_total()

    def _check_total(self) -> None:
        """Raise ValueError where the job is too large, or its parts cannot hold or cannot share its posters."""
        capacity = self.parts * limits.BATCH_MAX_POSTERS
        if self.total > limits.JOB_MAX_POSTERS:
            raise ValueError(f"the job has {self.total:,} posters; {limits.JOB_MAX_POSTERS:,} are allowed")
        if self.total > capacity:
            raise ValueError(f"the job has {self.total:,} posters, but its `parts` hold {capacity:,} at most")
        if self.parts > self.total:
            raise ValueError(f"`parts` is {self.parts:,}, more than the {self.total:,} posters of the job")

    @property
    def total(self) -> int:
        """How many posters the whole job has."""
        return self.total_count if self.total_count is not None else self.first_index + len(self.posters)


def batch_priority(batch: BatchRequested) -> Priority:
    """Return the lane a batch takes: bulk above 10 posters, whatever it says, else its own word."""
    if batch.total > limits.BULK_ABOVE_POSTERS:
        return "bulk"
    return batch.priority or "normal"


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCancelRequested(Envelope):
    """Stop what is left of a job. For a job not yet known it also cancels the request that its source sends later."""

    type: Literal["job.cancel_requested"] = "job.cancel_requested"
    job_id: JobId
    reason: Text | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterEraseRequested(Envelope):
    """Delete objects and personal data, of a job or of one entity of a section, as far as they are the source's own."""

    type: Literal["poster.erase_requested"] = "poster.erase_requested"
    job_id: JobId | None = None
    section: Text | None = None
    entity_id: EntityId | None = None

    def __post_init__(self) -> None:
        by_entity = self.section is not None and self.entity_id is not None
        if (self.job_id is not None) == by_entity:
            raise ValueError("say what to erase by `job_id`, or by `section` and `entity_id`")
        if self.entity_id is not None:
            check_entity_id(self.entity_id)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReplayRequested(Envelope):
    """Make the posters of a job that have ended again, in a new generation; with `failed_only` those that failed.

    With `poster_index` only that one, once it has ended.
    """

    type: Literal["job.replay_requested"] = "job.replay_requested"
    job_id: JobId
    failed_only: bool = False
    poster_index: FirstIndex | None = None


Request: TypeAlias = PosterRequested | BatchRequested | JobCancelRequested | PosterEraseRequested | JobReplayRequested
