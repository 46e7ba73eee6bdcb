"""The retry role: waits until a failed poster is due, then sends it back to the render topics.

A poster takes these steps: take it from the inbox → decode → wait until it is due → publish, unless its job is
cancelled → acknowledge.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from agents.cancellations import Cancellations
from agents.events import pinned_id, render_record
from schemas.codec import ContractError, decode
from schemas.renders import PosterPinned
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher
from streams.inbox import Inbox
from streams.logs import log_delivery
from streams.records import event_headers
from streams.retry import Sleep, retry_while_unavailable
from streams.tracing import processed

TAKE_LIMIT: Final = 100


class RetryAgent:
    """Waits for each poster's own due time. Waiting posters hold up their partition at most, never the role.

    No poster waits longer than `longest_wait` seconds, whatever the clock says that wrote its due time.
    """

    def __init__(
        self,
        inbox: Inbox,
        publisher: Publisher,
        dead_letters: DeadLetters,
        cancellations: Cancellations,
        *,
        longest_wait: float,
        now: Callable[[], datetime],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._inbox = inbox
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._cancellations = cancellations
        self._longest_wait = longest_wait
        self._now = now
        self._sleep = sleep

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for delivery in await self._inbox.take(TAKE_LIMIT):
                    with log_delivery(delivery):
                        tasks.create_task(processed(self._handle(delivery), delivery))

    async def _handle(self, delivery: Delivery) -> None:
        try:
            poster = decode(delivery.value, PosterPinned)
        except ContractError as error:
            reason = str(error)
            await retry_while_unavailable(lambda: self._dead_letters.put(delivery, "invalid_request", reason))
        else:
            with log_delivery(delivery, poster):
                await self._wait_until_due(poster, delivery)
                await self._publish_unless_cancelled(poster, delivery)
        self._inbox.finish([delivery])

    async def _wait_until_due(self, poster: PosterPinned, delivery: Delivery) -> None:
        wait = 0.0 if poster.due_at is None else (poster.due_at - self._now()).total_seconds()
        if wait > 0:
            self._inbox.defer(delivery)
            await self._sleep(min(wait, self._longest_wait))
            self._inbox.resume_deferred(delivery)

    async def _publish_unless_cancelled(self, poster: PosterPinned, delivery: Delivery) -> None:
        if self._cancellations.covers(poster.job_id, poster.generation):
            return
        record = render_record(as_next_attempt(poster), event_headers(delivery))
        await retry_while_unavailable(lambda: self._publisher.publish([record]))


def as_next_attempt(poster: PosterPinned) -> PosterPinned:
    """Return the poster as it goes back to the render topics: one attempt further, with no due time.

    Its event id is that of the new attempt, so a record that is delivered twice is sent back with the same id.
    """
    attempt = (poster.tier or 0) + 1
    event_id = pinned_id(poster.job_id, poster.poster_index, poster.generation, attempt)
    return replace(poster, event_id=event_id, attempt=attempt, due_at=None, tier=None, error=None)
