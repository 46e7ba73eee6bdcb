"""Handle records over the topic's size limit: publish a reduced form, or fail the poster. Never retry it forever."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from agents.events import PosterEvents
from schemas import topics
from schemas.codec import ContractError, decode
from schemas.outcomes import Failure, PosterOutcome
from schemas.progress import LogRecorded, PosterProgress
from schemas.renders import PosterPinned
from streams.dead_letters.dead_letters import size
from streams.delivery import Publisher, Record
from streams.errors import RecordTooLargeError, UnavailableError
from streams.records import event_record

logger = logging.getLogger(__name__)

MESSAGE_MAX_CHARACTERS: Final = 500
ATTEMPTS: Final = 3
"""The broker checks the size of whole batches: a record may be refused for the size of another."""
_PINNED: Final = (topics.POSTER_RENDERS, topics.POSTER_RENDERS_BULK, *topics.POSTER_RETRIES)


class ReducingPublisher:
    """A publisher of records of any size.

    A record that is too large for its topic is published in its next reduced form. One without any counts as
    unavailable, with a reason that names the topic: an operator has to raise its limit, and nothing is lost meanwhile.
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
    """Yield shorter forms of a record that state the same fact, the fullest first."""
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
            brief_line = replace(line, message=line.message[:MESSAGE_MAX_CHARACTERS], details={})
            yield event_record(record.topic, line.job_id, brief_line, record.headers)
    except ContractError:
        return  # not an event of ours, so there is no form to reduce it to


def _failed(record: Record) -> Iterator[Record]:
    """Yield the failure of a poster whose record is too large; a preview has no outcome."""
    poster = decode(record.value, PosterPinned)
    if poster.purpose != "poster":
        return
    message = f"the poster has {size(record):,} bytes, more than {record.topic} takes"
    events = PosterEvents(poster=poster, now=poster.occurred_at, headers=record.headers)
    failure = events.failed_outcome("invalid_request", message)
    yield failure
    yield from reduced_forms(failure)


def _brief(outcome: PosterOutcome) -> PosterOutcome:
    """Return the outcome without assets and warnings, and without the metadata, which the job's row has."""
    return replace(outcome, assets=[], warnings=[], metadata={}, error=_brief_failure(outcome.error))


def _brief_failure(failure: Failure | None) -> Failure | None:
    return None if failure is None else replace(failure, message=failure.message[:MESSAGE_MAX_CHARACTERS])
