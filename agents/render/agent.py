"""The render role: pinned posters in, images in storage and completions out.

A poster takes these steps, and is acknowledged after the last one (at-least-once; a repeat finds the stored image):

1. take: the next poster by lane and source, within the limit of posters in flight (lanes.py)
2. decode: what is no pinned poster → a dead letter
3. skip: a poster that is cancelled (agents/cancellations.py) or erased (erased_posters.py); an expired one fails
4. render: its stored image, or fill the template, draw and store it (poster_renderer.py)
5. publish: the completion, the failure, or the next retry tier (retry_schedule.py, agents/events.py)
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from agents.cancellations import Cancellations
from agents.events import PinnedPosterEvents, StoredPoster
from agents.metrics import QUEUE_SECONDS, RETRIES, SOURCE_POSTERS, SOURCE_QUEUE_SECONDS
from agents.postgres import SchemaMismatchError
from agents.render.erased_posters import ErasedPosters
from agents.render.poster_renderer import PosterRenderer
from agents.render.retry_schedule import retry_for
from agents.render.slow_templates import SlowTemplates
from agents.source_labels import SourceLabels
from renderer.errors import RenderError
from schemas.codec import ContractError, decode
from schemas.limits import NUMBER_MAX
from schemas.renders import PosterPinned
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher, Record
from streams.failpoint import failpoint
from streams.inbox import Inbox
from streams.logs import log_delivery
from streams.records import event_headers
from streams.retry import retry_while_unavailable
from streams.tracing import as_retry, mark_failed, processed

logger = logging.getLogger(__name__)

ERASED_AFTER: Final = timedelta(seconds=1)
"""How soon a poster can have been rendered, recorded, erased, and delivered again, which takes a restart."""


class RenderAgent:
    """Renders posters concurrently, as many as the inbox hands out: one for each page, and some whose images upload."""

    def __init__(
        self,
        inbox: Inbox,
        publisher: Publisher,
        dead_letters: DeadLetters,
        cancellations: Cancellations,
        renderer: PosterRenderer,
        *,
        retry_delays: Sequence[float],
        now: Callable[[], datetime],
        slow: SlowTemplates | None = None,
        source_labels: SourceLabels | None = None,
        erased: ErasedPosters | None = None,
    ) -> None:
        self._inbox = inbox
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._cancellations = cancellations
        self._renderer = renderer
        self._retry_delays = retry_delays
        self._now = now
        self._slow = slow or SlowTemplates(1)
        self._source_labels = source_labels or SourceLabels()
        self._erased = erased

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for delivery in await self._inbox.take(limit=1):
                    with log_delivery(delivery):
                        tasks.create_task(processed(self._handle(delivery), delivery))

    async def _handle(self, delivery: Delivery) -> None:
        failpoint("render taken")
        try:
            poster = decode(delivery.value, PosterPinned)
        except ContractError as error:
            reason = str(error)
            await retry_while_unavailable(lambda: self._dead_letters.put(delivery, "invalid_request", reason))
        else:
            with log_delivery(delivery, poster):
                await self._handle_poster(poster, delivery)
        self._inbox.finish([delivery])

    async def _handle_poster(self, poster: PosterPinned, delivery: Delivery) -> None:
        """Skip a cancelled or erased poster, fail an expired one, render the others; publish what happened."""
        if self._is_cancelled(poster) or await self._is_erased(poster):
            return
        began = self._now()
        # A producer's clock may be decades slow, and the number has a column.
        queue_time_ms = min(NUMBER_MAX, max(0, round((began - poster.requested_at).total_seconds() * 1000)))
        events = PinnedPosterEvents(
            poster=poster, now=began, queue_time_ms=queue_time_ms, headers=event_headers(delivery)
        )
        if poster.deadline is not None and poster.deadline <= began:
            await self._publish(
                events.records_of_failure("expired", f"the deadline {poster.deadline.isoformat()} had passed")
            )
            return
        QUEUE_SECONDS.labels(poster.lane).observe(queue_time_ms / 1000)
        label = self._source_labels.label(poster.source)
        SOURCE_QUEUE_SECONDS.labels(label).observe(queue_time_ms / 1000)
        SOURCE_POSTERS.labels(label).inc()
        # Published while the poster is rendered; both are acknowledged by the broker before the record is finished.
        processing = asyncio.ensure_future(self._publish_processing(events))
        await self._publish(await self._render(events))
        await processing
        failpoint("render published")

    async def _publish_processing(self, events: PinnedPosterEvents) -> None:
        if events.poster.purpose == "poster":
            await self._publish([events.processing()])

    async def _render(self, events: PinnedPosterEvents) -> list[Record]:
        """Return the records of how the rendering ended; none where the job was cancelled meanwhile."""
        poster = events.poster
        try:
            stored = await self._render_in_time(poster)
        except RenderError as error:
            return self._failed(events, error)
        except SchemaMismatchError:
            raise
        except Exception as error:
            # Not raised: the record would be delivered again and end one worker after the other.
            logger.exception("%s[%d]: unforeseen error while rendering", poster.job_id, poster.poster_index)
            return self._failed(events, RenderError("internal", f"not foreseen: {error!r}"[:500]))
        if stored is not None:
            self._slow.note_stored(poster.template_version_id, drawn=not stored.cached)
        if stored is None or self._is_cancelled(poster):
            return []
        return events.at(self._now()).records_of_completion(stored)

    async def _render_in_time(self, poster: PosterPinned) -> StoredPoster | None:
        """Return the stored poster, or None where its job is cancelled meanwhile.

        Raises RenderError, with `expired` where the poster's deadline passes.
        """
        remaining = None if poster.deadline is None else (poster.deadline - self._now()).total_seconds()
        try:
            async with asyncio.timeout(remaining) as scope:
                with self._cancellations.cancel_scope_with_job(poster.job_id, poster.generation, scope):
                    return await self._renderer.render(poster)
        except TimeoutError:
            if not scope.expired():
                raise
            if self._is_cancelled(poster):
                return None
            raise RenderError("expired", f"the deadline {poster.deadline} passed while it was being made") from None

    def _failed(self, events: PinnedPosterEvents, error: RenderError) -> list[Record]:
        """Return the records that send the poster to its retry tier, or fail it where no attempt is left."""
        mark_failed(error.code)
        poster, ended = events.poster, events.at(self._now())
        self._slow.note_failure(poster.template_version_id, error.code)
        is_slow = self._slow.is_slow(poster.template_version_id)
        retry = retry_for(error.code, poster.attempt, self._retry_delays, ended.now, is_slow=is_slow)
        if retry is None or poster.purpose == "preview":
            return ended.records_of_failure(error.code, error.message, error.assets)
        RETRIES.labels(str(retry.tier), error.code).inc()
        *announced, again = ended.records_to_retry(retry.tier, retry.due_at, error.code, error.message)
        return [*announced, as_retry(again)]

    def _is_cancelled(self, poster: PosterPinned) -> bool:
        return self._cancellations.covers(poster.job_id, poster.generation)

    async def _is_erased(self, poster: PosterPinned) -> bool:
        """Return whether an older poster was erased; False where that cannot be looked up.

        A new one cannot be: it has to end first.
        """
        if self._erased is None or self._now() - poster.requested_at < ERASED_AFTER:
            return False
        try:
            return await self._erased.contains(poster.job_id, poster.poster_index)
        except SchemaMismatchError:
            raise
        except Exception:
            # Not raised: the record would be delivered again and end one worker after the other.
            logger.exception("%s[%d]: unforeseen error while looking it up", poster.job_id, poster.poster_index)
            return False

    async def _publish(self, records: list[Record]) -> None:
        if records:
            await retry_while_unavailable(lambda: self._publisher.publish(records))
