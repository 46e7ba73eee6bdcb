"""Publishing what is too large for its topic: said in fewer words, or as the failure of its poster; never for ever."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from schemas import topics
from schemas.codec import ContractError, decode
from schemas.codes import is_retryable
from schemas.envelope import fact_id
from schemas.outcomes import Failure, PosterOutcome
from schemas.progress import LogRecorded, PosterProgress
from schemas.renders import PosterPinned
from streams.dead_letters import size
from streams.delivery import Publisher, Record
from streams.errors import RecordTooLargeError, UnavailableError
from streams.records import event_record

logger = logging.getLogger(__name__)

WORDS_MAX_CHARACTERS: Final = 500
ATTEMPTS: Final = 3
"""The broker judges whole batches: a record may be refused for a neighbour's size."""
_PINNED: Final = (topics.POSTER_RENDERS, topics.POSTER_RENDERS_BULK, *topics.POSTER_RETRIES)


class ReducingPublisher:
    """A publisher that takes records of any size.

    One that its topic refuses for its size is sent in its next shorter form. What has none is tried again, with a
    reason that names the topic: only a person can mend that, and nothing is lost meanwhile.
    """

    def __init__(self, inner: Publisher) -> None:
        self._inner = inner

    async def publish(self, records: Iterable[Record]) -> None:
        """Publish the records. Raises UnavailableError."""
        batch = list(records)
        try:
            await self._inner.publish(batch)
        except RecordTooLargeError:
            for record in batch:
                await self._publish_one(record)

    async def _publish_one(self, record: Record) -> None:
        for form in (record, *reduced_forms(record)):
            if await self._fits(form):
                return
            logger.error("%s takes no record of %d bytes; raise its max.message.bytes", form.topic, size(form))
        raise UnavailableError(f"{record.topic} takes no record of {size(record)} bytes; raise its max.message.bytes")

    async def _fits(self, record: Record) -> bool:
        for _ in range(ATTEMPTS):
            try:
                await self._inner.publish([record])
            except RecordTooLargeError:
                continue
            return True
        return False


def reduced_forms(record: Record) -> Iterator[Record]:
    """Yield shorter forms of a record that still say what has to be said, the fullest first."""
    try:
        if record.topic in _PINNED:
            yield from _failed(record)
        elif record.topic == topics.POSTER_COMPLETIONS:
            outcome = decode(record.value, PosterOutcome)
            yield event_record(record.topic, outcome.job_id, _brief(outcome), record.headers)
        elif record.topic == topics.POSTER_PROGRESS:
            progress = decode(record.value, PosterProgress)
            brief = replace(progress, metadata={}, error=_brief_failure(progress.error))
            yield event_record(record.topic, progress.job_id, brief, record.headers)
        elif record.topic == topics.POSTER_LOGS:
            line = decode(record.value, LogRecorded)
            brief_line = replace(line, message=line.message[:WORDS_MAX_CHARACTERS], details={})
            yield event_record(record.topic, line.job_id, brief_line, record.headers)
    except ContractError:
        return  # nothing of ours, so nothing that we could say otherwise


def _failed(record: Record) -> Iterator[Record]:
    """Yield the failure of a poster that cannot be handed on; nobody waits for a preview's outcome for long."""
    poster = decode(record.value, PosterPinned)
    if poster.purpose != "poster":
        return
    message = f"the poster has {size(record):,} bytes, more than {record.topic} takes"
    outcome = PosterOutcome(
        type="poster.failed",
        status="failed",
        event_id=fact_id("poster.failed", poster.job_id, poster.poster_index, poster.generation, poster.attempt),
        occurred_at=poster.occurred_at,
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
        error=Failure(code="invalid_request", message=message, retryable=is_retryable("invalid_request")),
    )
    whole = event_record(topics.POSTER_COMPLETIONS, poster.job_id, outcome, record.headers)
    yield whole
    yield from reduced_forms(whole)


def _brief(outcome: PosterOutcome) -> PosterOutcome:
    """Without what only explains it: assets, warnings, and the sender's own metadata, which is in the job's row."""
    return replace(outcome, assets=[], warnings=[], metadata={}, error=_brief_failure(outcome.error))


def _brief_failure(failure: Failure | None) -> Failure | None:
    return None if failure is None else replace(failure, message=failure.message[:WORDS_MAX_CHARACTERS])
