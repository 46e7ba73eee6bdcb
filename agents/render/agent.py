"""The render role: pinned posters in, images in storage and completions out."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from agents.cancellations import Cancellations
from agents.metrics import QUEUE_SECONDS, RETRIES
from agents.postgres import SchemaMismatchError
from agents.render.crash_journal import CrashJournal
from agents.render.poster_events import PosterEvents, StoredPoster
from agents.render.poster_renderer import PosterRenderer
from agents.render.retry_schedule import next_try
from renderer.concurrency_limit import ConcurrencyLimit
from renderer.errors import RenderError
from schemas.codec import ContractError, decode
from schemas.renders import PosterPinned
from streams.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher, Record
from streams.failpoint import failpoint
from streams.inbox import Inbox
from streams.records import event_headers
from streams.retry import retry_while_unavailable

logger = logging.getLogger(__name__)


class RenderAgent:
    """Works on as many posters at once as there are `places`: one for each page, and some for uploads under way."""

    def __init__(
        self,
        inbox: Inbox,
        publisher: Publisher,
        dead_letters: DeadLetters,
        cancellations: Cancellations,
        making: PosterRenderer,
        journal: CrashJournal,
        *,
        places: ConcurrencyLimit,
        retry_delays: Sequence[float],
        now: Callable[[], datetime],
    ) -> None:
        self._inbox = inbox
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._cancellations = cancellations
        self._making = making
        self._journal = journal
        self._places = places
        self._retry_delays = retry_delays
        self._now = now

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                await self._places.take()
                for delivery in await self._inbox.take(limit=1):
                    tasks.create_task(self._handle(delivery))

    async def _handle(self, delivery: Delivery) -> None:
        failpoint("render taken")
        try:
            poster = decode(delivery.value, PosterPinned)
        except ContractError as error:
            reason = str(error)
            await retry_while_unavailable(lambda: self._dead_letters.put(delivery, "invalid_request", reason))
        else:
            await self._answer(poster, delivery)
        finally:
            self._places.put_back()
        self._inbox.finish([delivery])

    async def _answer(self, poster: PosterPinned, delivery: Delivery) -> None:
        if self._cancellations.covers(poster.job_id, poster.generation):
            return
        began = self._now()
        statement = PosterEvents(
            poster=poster,
            now=began,
            queue_time_ms=max(0, round((began - poster.requested_at).total_seconds() * 1000)),
            headers=event_headers(delivery),
        )
        if poster.deadline is not None and poster.deadline <= began:
            late = statement.failed("expired", f"the deadline {poster.deadline.isoformat()} had passed")
            await self._publish(late)
            return
        QUEUE_SECONDS.labels(poster.lane).observe(statement.queue_time_ms / 1000)
        # Said while the poster is being made; both are acknowledged before the record is.
        beginning = asyncio.ensure_future(self._begin(statement))
        await self._publish(await self._outcome(statement))
        await beginning
        failpoint("render published")

    async def _begin(self, statement: PosterEvents) -> None:
        if statement.poster.purpose == "poster":
            await self._publish([statement.processing()])

    async def _outcome(self, statement: PosterEvents) -> list[Record]:
        poster = statement.poster
        try:
            with self._journal.entry(poster.event_id):
                made = await self._make(poster)
        except RenderError as error:
            return self._failed(statement, error)
        except SchemaMismatchError:
            raise
        except Exception as error:
            # Answered, not passed on: redelivered, it would end one worker after the other.
            logger.exception("%s[%d]: not foreseen", poster.job_id, poster.poster_index)
            return self._failed(statement, RenderError("internal", f"not foreseen: {error!r}"[:500]))
        if made is None or self._cancellations.covers(poster.job_id, poster.generation):
            return []
        return statement.at(self._now()).completed(made)

    def _failed(self, statement: PosterEvents, error: RenderError) -> list[Record]:
        poster = statement.poster
        ended = statement.at(self._now())
        retry = next_try(error.code, poster.attempt, self._retry_delays, ended.now)
        if retry is None or poster.purpose == "preview":
            return ended.failed(error.code, error.message, error.assets)
        RETRIES.labels(str(retry.tier), error.code).inc()
        return ended.retrying(retry, error.code, error.message)

    async def _make(self, poster: PosterPinned) -> StoredPoster | None:
        """Return the poster's images, or None where its job is cancelled meanwhile. Raises RenderError."""
        left = None if poster.deadline is None else (poster.deadline - self._now()).total_seconds()
        try:
            async with asyncio.timeout(left) as scope:
                with self._cancellations.ending(poster.job_id, poster.generation, scope):
                    return await self._making.make(poster)
        except TimeoutError:
            if not scope.expired():
                raise
            if self._cancellations.covers(poster.job_id, poster.generation):
                return None
            raise RenderError("expired", f"the deadline {poster.deadline} passed while it was being made") from None

    async def _publish(self, records: list[Record]) -> None:
        if records:
            await retry_while_unavailable(lambda: self._publisher.publish(records))
