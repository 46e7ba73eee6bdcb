"""The one builder of events about posters and jobs: outcomes, progress, log lines, cancellations.

Event ids are composed here and nowhere else in `agents`: two roles that state the same fact have to arrive at the same
id, or consumers would not recognise the second event as a repeat.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from schemas import limits, topics
from schemas.codes import ErrorCode, is_retryable
from schemas.envelope import fact_id
from schemas.fields import JsonObject
from schemas.outcomes import Asset, Failure, Image, OutcomeStatus, PosterOutcome, PosterWarning
from schemas.progress import Level, LogRecorded, PosterProgress
from schemas.renders import JobCancellation, PosterPinned
from schemas.templates import TemplateAnswer, TemplateError, TemplatePreviewed, TemplateRejected
from streams.delivery import Headers, Record
from streams.records import event_headers, event_record


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterIdentity:
    """What every event repeats of its poster; the template is None where none was found."""

    job_id: str
    poster_index: int
    entity_id: str
    generation: int = 0
    attempt: int = 1
    template_version_id: UUID | None = None
    section: str | None = None
    template_version: int | None = None
    metadata: JsonObject = field(default_factory=dict)
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPoster:
    """A rendered poster whose images are in storage: what a completion reports. `generation_time_ms` is in ms."""

    images: list[Image]
    cached: bool = False
    warnings: list[PosterWarning] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    generation_time_ms: int = 0

    @property
    def lacks_assets(self) -> bool:
        """Whether an asset is missing. One inside the document (a `data:` URL) has a warning, but no entry."""
        return any(not asset.ok for asset in self.assets) or any(
            warning.code == "asset_invalid" for warning in self.warnings
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterEvents:
    """Builds the outcomes of one poster. `now` is when they occur, `headers` continue the trace of their cause."""

    poster: PosterIdentity | PosterPinned
    now: datetime
    headers: Headers
    queue_time_ms: int | None = None

    def failed_outcome(self, code: ErrorCode, message: str, assets: Sequence[Asset] = ()) -> Record:
        """Return `poster.failed` of this attempt, without a log line."""
        return self._outcome("failed", self._attempt_id("poster.failed"), error=_failure(code, message), assets=assets)

    def records_of_refusal(self, code: ErrorCode, message: str) -> list[Record]:
        """Return `poster.failed` and its log line for a poster that intake does not send to be rendered."""
        return [self.failed_outcome(code, message), self._intake_log("ERROR", code, message)]

    def timed_out(self, code: ErrorCode, message: str) -> Record:
        """Return `poster.failed` for a poster that was left without an outcome, found by the sink's periodic sweep.

        Its id names the code and not the attempt, which the sink's tables may not know.
        """
        event_id = fact_id("poster.failed", code, *self._generation())
        return self._outcome("failed", event_id, error=_failure(code, message))

    def cancelled(self) -> Record:
        """Return `poster.cancelled`."""
        return self._outcome("cancelled", fact_id("poster.cancelled", *self._generation()))

    def erased(self, erasure_id: UUID) -> Record:
        """Return `poster.erased`, the answer to the request `erasure_id`."""
        event_id = fact_id("poster.erased", erasure_id, self.poster.job_id, self.poster.poster_index)
        return self._outcome("erased", event_id)

    def _intake_log(self, level: Level, code: str, message: str) -> Record:
        """Return a log line of intake; the same line of the same poster has the same id, in every generation."""
        poster = self.poster
        return self._log(
            fact_id("log.recorded", "intake", poster.job_id, poster.poster_index, code, message), level, code, message
        )

    def _outcome(self, status: OutcomeStatus, event_id: UUID, *, assets: Sequence[Asset] = (), **more: Any) -> Record:
        fields: dict[str, Any] = {**self._fields(), "type": f"poster.{status}", "status": status, **more}
        outcome = PosterOutcome(event_id=event_id, queue_time_ms=self.queue_time_ms, assets=_shown(assets), **fields)
        return event_record(topics.POSTER_COMPLETIONS, self.poster.job_id, outcome, self.headers)

    def _log(self, event_id: UUID, level: Level, code: str, message: str, details: JsonObject | None = None) -> Record:
        event = LogRecorded(
            event_id=event_id,
            occurred_at=self.now,
            source=self.poster.source,
            job_id=self.poster.job_id,
            level=level,
            code=code,
            message=message,
            details=details or {},
            poster_index=self.poster.poster_index,
        )
        return event_record(topics.POSTER_LOGS, self.poster.job_id, event, self.headers)

    def _generation(self) -> tuple[object, ...]:
        return self.poster.job_id, self.poster.poster_index, self.poster.generation

    def _attempt_id(self, kind: str, *more: object) -> UUID:
        return fact_id(kind, *self._generation(), self.poster.attempt, *more)

    def _fields(self) -> dict[str, Any]:
        poster = self.poster
        return {
            "occurred_at": self.now,
            "source": poster.source,
            "job_id": poster.job_id,
            "poster_index": poster.poster_index,
            "entity_id": poster.entity_id,
            "template_version_id": poster.template_version_id,
            "section": poster.section,
            "template_version": poster.template_version,
            "attempt": poster.attempt,
            "generation": poster.generation,
            "metadata": poster.metadata,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedPosterEvents(PosterEvents):
    """Builds the events of a poster on its way through intake and render. A preview has no progress and no log."""

    poster: PosterPinned

    def at(self, now: datetime) -> "PinnedPosterEvents":
        """Return the same builder with a later time."""
        return replace(self, now=now)

    def records_to_render(self) -> list[Record]:
        """Return `poster.queued`, a log line for each warning of intake, and the poster on its render topic."""
        queued = self._progress("poster.queued", fact_id("poster.queued", *self._generation()))
        warnings = [self._intake_log("WARNING", each.code, each.message) for each in self.poster.warnings]
        return [queued, *warnings, render_record(self.poster, self.headers)]

    def processing(self) -> Record:
        """Return `poster.processing`: rendering has begun."""
        return self._progress("poster.processing", self._attempt_id("poster.processing"))

    def records_to_retry(self, tier: int, due_at: datetime, code: ErrorCode, message: str) -> list[Record]:
        """Return `poster.retrying`, its log line, and the poster on the topic of its retry tier."""
        failure = Failure(code=code, message=message, retryable=True)
        event_id = self._attempt_id("poster.pinned", "tier", tier)
        again = replace(self.poster, event_id=event_id, due_at=due_at, tier=tier, error=failure)
        progress_id = self._attempt_id("poster.retrying")
        attempt = self.poster.attempt
        return [
            self._progress("poster.retrying", progress_id, error=failure, due_at=due_at),
            self._render_log("WARNING", code, f"attempt {attempt} failed, trying again: {message}"),
            event_record(topics.POSTER_RETRIES[tier - 1], self.poster.input_digest, again, self.headers),
        ]

    def records_of_completion(self, stored: StoredPoster) -> list[Record]:
        """Return `poster.completed` and a log line for each new warning, or the answer to a preview."""
        image = stored.images[0]
        if self.poster.purpose == "preview":
            return [self._previewed(image)]
        outcome = self._outcome(
            "completed",
            self._attempt_id("poster.completed"),
            url=image.url,
            object_key=image.object_key,
            sha256=image.sha256,
            size_bytes=image.size_bytes,
            width=image.width,
            height=image.height,
            format=image.format,
            generation_time_ms=stored.generation_time_ms,
            cached=stored.cached,
            degraded=stored.lacks_assets,
            warnings=[*self.poster.warnings, *stored.warnings],
            assets=stored.assets,
            images=stored.images,
        )
        return [outcome, *(self._render_log("WARNING", each.code, each.message) for each in stored.warnings)]

    def records_of_failure(self, code: ErrorCode, message: str, assets: Sequence[Asset] = ()) -> list[Record]:
        """Return `poster.failed` and its log line, or the answer to a preview."""
        if self.poster.purpose == "preview":
            return [self._preview_rejected(code, message)]
        return [self.failed_outcome(code, message, assets), self._render_log("ERROR", code, message)]

    def _progress(self, kind: Any, event_id: UUID, **more: Any) -> Record:
        event = PosterProgress(type=kind, event_id=event_id, **self._fields(), **more)
        return event_record(topics.POSTER_PROGRESS, self.poster.job_id, event, self.headers)

    def _render_log(self, level: Level, code: str, message: str) -> Record:
        poster = self.poster
        details = {"attempt": poster.attempt, "entity_id": poster.entity_id, "section": poster.section}
        return self._log(self._attempt_id("log.recorded", level, code, message), level, code, message, details)

    def _previewed(self, image: Image) -> Record:
        fields = self._answer_fields(TemplatePreviewed)
        event = TemplatePreviewed(**fields, url=image.url, object_key=image.object_key)
        return event_record(topics.TEMPLATE_EVENTS, self.poster.section, event, self.headers)

    def _preview_rejected(self, code: ErrorCode, message: str) -> Record:
        errors = [TemplateError(code=code, message=message)]
        event = TemplateRejected(**self._answer_fields(TemplateRejected), errors=errors)
        return event_record(topics.TEMPLATE_EVENTS, self.poster.section, event, self.headers)

    def _answer_fields(self, kind: type[TemplateAnswer]) -> dict[str, Any]:
        poster = self.poster
        return {
            "event_id": template_answer_id(kind, poster.command_id),
            "occurred_at": self.now,
            "source": poster.source,
            # A preview without a command comes from nobody; its event id stands in, so that it can be answered.
            "command_id": poster.command_id or poster.event_id,
            "section": poster.section,
        }


def pinned_id(job_id: str, poster_index: int, generation: int, attempt: int) -> UUID:
    """Return the event id of `poster.pinned` on a render topic, for an attempt from 1."""
    return fact_id("poster.pinned", job_id, poster_index, generation, attempt)


def preview_id(command_id: UUID) -> UUID:
    """Return the event id of the `poster.pinned` that a preview command leads to."""
    return fact_id("poster.pinned", "preview", command_id)


def template_answer_id(kind: type[TemplateAnswer], command_id: UUID | None) -> UUID:
    """Return the event id of an answer to a template command: one of each kind, whichever role answers it."""
    return fact_id(kind.__name__, command_id)


def catalog_id(template_id: UUID, command_id: UUID) -> UUID:
    """Return the event id of a version on `template-catalog`, as a command left it."""
    return fact_id("template-catalog", template_id, command_id)


def render_record(poster: PosterPinned, headers: Headers) -> Record:
    """Return the record that sends a pinned poster to be rendered, on the topic of its lane."""
    topic = topics.POSTER_RENDERS_BULK if poster.lane == "bulk" else topics.POSTER_RENDERS
    return event_record(topic, poster.input_digest, poster, headers)


def job_cancellation(
    job_id: str, up_to_generation: int, *, at: datetime, source: str | None, reason: str | None, headers: Headers
) -> Record:
    """Return the record that has intake, render and retry drop a job's posters up to this generation."""
    event = JobCancellation(
        event_id=fact_id("job.cancellation", job_id, up_to_generation),
        occurred_at=at,
        source=source,
        job_id=job_id,
        up_to_generation=up_to_generation,
        reason=reason,
    )
    return event_record(topics.JOB_CANCELLATIONS, job_id, event, headers)


def erased_id(job_id: str) -> UUID:
    """Return the id under which posters of an erased job are cancelled."""
    return fact_id("job.erased", job_id)


def replay_id(job_id: str, first_index: int, generation: int) -> UUID:
    """Return the event id of a request that makes posters again: a repeated replay is the same event."""
    return fact_id("replay", job_id, first_index, generation)


def restored_id(job_id: str, poster_index: int, generation: int) -> UUID:
    """Return the event id of the request to replay a poster whose object was erased with that of an equal one."""
    return fact_id("restored", job_id, poster_index, generation)


def job_replayed(
    replay: UUID,
    job_id: str,
    count: int,
    *,
    failed_only: bool,
    poster_index: int | None,
    at: datetime,
    source: str | None,
) -> Record:
    """Return the log line of the replay that the event `replay` asked for."""
    event = LogRecorded(
        event_id=fact_id("log.recorded", "replay", replay),
        occurred_at=at,
        source=source,
        job_id=job_id,
        level="INFO",
        code="job_replayed",
        message=f"{count} posters are requested again",
        details={"count": count, "failed_only": failed_only}
        | ({} if poster_index is None else {"poster_index": poster_index}),
    )
    return event_record(topics.POSTER_LOGS, job_id, event, event_headers())


def job_event_id(kind: str, job_id: str, revision: int) -> UUID:
    """Return the event id of a job's state: the same revision is the same event, however often it is published."""
    return fact_id(kind, job_id, revision)


def salvaged_id(topic: str, partition: int, offset: int) -> UUID:
    """Return the event id that stands for an unreadable request without one: its position in the topic."""
    return fact_id("salvaged", topic, partition, offset)


def _failure(code: ErrorCode, message: str) -> Failure:
    return Failure(code=code, message=message, retryable=is_retryable(code))


def _shown(assets: Sequence[Asset]) -> list[Asset]:
    """Return as many assets as an event may name; of too many, the missing ones first."""
    if len(assets) <= limits.ASSETS_MAX:
        return list(assets)
    return sorted(assets, key=lambda asset: asset.ok)[: limits.ASSETS_MAX]
