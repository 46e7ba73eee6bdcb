"""The events the render role states of a poster."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from agents.render.retry_schedule import Retry
from schemas import limits, topics
from schemas.codes import ErrorCode, is_retryable
from schemas.envelope import fact_id
from schemas.outcomes import Asset, Failure, Image, PosterOutcome, PosterWarning
from schemas.progress import Level, LogRecorded, PosterProgress
from schemas.renders import PosterPinned
from schemas.templates import TemplateError, TemplatePreviewed, TemplateRejected
from streams.delivery import Headers, Record
from streams.records import event_record


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPoster:
    """A poster whose images are kept."""

    images: list[Image]
    cached: bool = False
    warnings: list[PosterWarning] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    generation_time_ms: int = 0

    @property
    def lacks_assets(self) -> bool:
        """Whether something that the document shows is missing; what it holds itself has a warning, but no entry."""
        return any(not asset.ok for asset in self.assets) or any(
            warning.code == "asset_invalid" for warning in self.warnings
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterEvents:
    """A poster with the circumstances of what is said of it."""

    poster: PosterPinned
    now: datetime
    queue_time_ms: int
    headers: Headers

    def at(self, now: datetime) -> "PosterEvents":
        """Return the same with a later time."""
        return replace(self, now=now)

    def _identity(self, kind: str) -> tuple[object, ...]:
        poster = self.poster
        return kind, poster.job_id, poster.poster_index, poster.generation, poster.attempt

    def processing(self) -> Record:
        """Say that rendering has begun."""
        return self._progress("poster.processing")

    def completed(self, made: StoredPoster) -> list[Record]:
        """Say that the poster is made: a completion, or the answer to a preview."""
        image = made.images[0]
        if self.poster.purpose == "preview":
            return [self._previewed(image)]
        outcome = PosterOutcome(
            **self._outcome_fields("completed"),
            url=image.url,
            object_key=image.object_key,
            sha256=image.sha256,
            size_bytes=image.size_bytes,
            width=image.width,
            height=image.height,
            format=image.format,
            generation_time_ms=made.generation_time_ms,
            cached=made.cached,
            degraded=made.lacks_assets,
            warnings=made.warnings,
            assets=_shown(made.assets),
            images=made.images,
        )
        logs = [self._log("WARNING", warning.code, warning.message) for warning in made.warnings]
        return [self._completion(outcome), *logs]

    def failed(self, code: ErrorCode, message: str, assets: Sequence[Asset] = ()) -> list[Record]:
        """Say that the poster failed for good."""
        if self.poster.purpose == "preview":
            return [self._refused(code, message)]
        failure = Failure(code=code, message=message, retryable=is_retryable(code))
        outcome = PosterOutcome(**self._outcome_fields("failed"), error=failure, assets=_shown(assets))
        return [self._completion(outcome), self._log("ERROR", code, message)]

    def retrying(self, retry: Retry, code: ErrorCode, message: str) -> list[Record]:
        """Say that the poster is tried again, and put it on the topic of its tier."""
        failure = Failure(code=code, message=message, retryable=True)
        again = replace(
            self.poster,
            event_id=fact_id(*self._identity("poster.pinned"), "tier", retry.tier),
            due_at=retry.due_at,
            tier=retry.tier,
            error=failure,
        )
        topic = topics.POSTER_RETRIES[retry.tier - 1]
        return [
            self._progress("poster.retrying", error=failure, due_at=retry.due_at),
            self._log("WARNING", code, f"attempt {self.poster.attempt} failed, trying again: {message}"),
            event_record(topic, self.poster.input_digest, again, self.headers),
        ]

    def _completion(self, outcome: PosterOutcome) -> Record:
        return event_record(topics.POSTER_COMPLETIONS, self.poster.job_id, outcome, self.headers)

    def _outcome_fields(self, status: str) -> dict[str, Any]:
        poster = self.poster
        return {
            "type": f"poster.{status}",
            "status": status,
            "event_id": fact_id(*self._identity(f"poster.{status}")),
            "occurred_at": self.now,
            "source": poster.source,
            "job_id": poster.job_id,
            "poster_index": poster.poster_index,
            "entity_id": poster.entity_id,
            "template_version_id": poster.template_version_id,
            "section": poster.section,
            "template_version": poster.template_version,
            "queue_time_ms": self.queue_time_ms,
            "attempt": poster.attempt,
            "generation": poster.generation,
            "metadata": poster.metadata,
        }

    def _progress(self, kind: Any, **more: Any) -> Record:
        poster = self.poster
        event = PosterProgress(
            type=kind,
            event_id=fact_id(*self._identity(kind)),
            occurred_at=self.now,
            source=poster.source,
            job_id=poster.job_id,
            poster_index=poster.poster_index,
            entity_id=poster.entity_id,
            template_version_id=poster.template_version_id,
            section=poster.section,
            template_version=poster.template_version,
            attempt=poster.attempt,
            generation=poster.generation,
            metadata=poster.metadata,
            **more,
        )
        return event_record(topics.POSTER_PROGRESS, poster.job_id, event, self.headers)

    def _log(self, level: Level, code: str, message: str) -> Record:
        poster = self.poster
        event = LogRecorded(
            event_id=fact_id(*self._identity("log.recorded"), level, code, message),
            occurred_at=self.now,
            source=poster.source,
            job_id=poster.job_id,
            level=level,
            code=code,
            message=message,
            details={"attempt": poster.attempt, "entity_id": poster.entity_id, "section": poster.section},
            poster_index=poster.poster_index,
        )
        return event_record(topics.POSTER_LOGS, poster.job_id, event, self.headers)

    def _previewed(self, image: Image) -> Record:
        event = TemplatePreviewed(
            event_id=fact_id("TemplatePreviewed", self.poster.command_id),
            occurred_at=self.now,
            source=self.poster.source,
            command_id=self._command_id(),
            section=self.poster.section,
            url=image.url,
            object_key=image.object_key,
        )
        return event_record(topics.TEMPLATE_EVENTS, self.poster.section, event, self.headers)

    def _refused(self, code: ErrorCode, message: str) -> Record:
        event = TemplateRejected(
            event_id=fact_id("TemplateRejected", self.poster.command_id),
            occurred_at=self.now,
            source=self.poster.source,
            command_id=self._command_id(),
            section=self.poster.section,
            errors=[TemplateError(code=code, message=message)],
        )
        return event_record(topics.TEMPLATE_EVENTS, self.poster.section, event, self.headers)

    def _command_id(self) -> Any:
        # A preview without a command comes from nobody; its event id stands in, so that the answer can be published.
        return self.poster.command_id or self.poster.event_id


def _shown(assets: Sequence[Asset]) -> list[Asset]:
    """Return as many as an event may name, of too many those that are missing first."""
    if len(assets) <= limits.ASSETS_MAX:
        return list(assets)
    return sorted(assets, key=lambda asset: asset.ok)[: limits.ASSETS_MAX]
