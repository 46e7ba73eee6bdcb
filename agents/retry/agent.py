"""The retry role: holds posters until they are due, then sends them back to be rendered."""

import asyncio
from collections.abc import Callable
from datetime import datetime

from agents.cancellations import Cancellations
from agents.retry.resubmit import render_topic, resubmitted
from schemas.codec import ContractError, decode
from schemas.renders import PosterPinned
from streams.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher
from streams.inbox import Inbox
from streams.logs import log_delivery
from streams.records import event_headers, event_record
from streams.retry import Sleep, retry_while_unavailable


class RetryAgent:
    """Waits for each record's own due time; waiting records hold their partition back, not the role."""

    def __init__(
        self,
        inbox: Inbox,
        publisher: Publisher,
        dead_letters: DeadLetters,
        cancellations: Cancellations,
        *,
        now: Callable[[], datetime],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._inbox = inbox
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._cancellations = cancellations
        self._now = now
        self._sleep = sleep

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                for delivery in await self._inbox.take(limit=100):
                    with log_delivery(delivery):
                        tasks.create_task(self._handle(delivery))

    async def _handle(self, delivery: Delivery) -> None:
        try:
            poster = decode(delivery.value, PosterPinned)
        except ContractError as error:
            reason = str(error)
            await retry_while_unavailable(lambda: self._dead_letters.put(delivery, "invalid_request", reason))
        else:
            with log_delivery(delivery, poster):
                await self._send_back_when_due(poster, delivery)
        self._inbox.finish([delivery])

    async def _send_back_when_due(self, poster: PosterPinned, delivery: Delivery) -> None:
        if poster.due_at is not None:
            wait = (poster.due_at - self._now()).total_seconds()
            if wait > 0:
                self._inbox.defer(delivery)
                await self._sleep(wait)
                self._inbox.resume_deferred(delivery)
        if self._cancellations.covers(poster.job_id, poster.generation):
            return
        record = event_record(render_topic(poster), poster.input_digest, resubmitted(poster), event_headers(delivery))
        await retry_while_unavailable(lambda: self._publisher.publish([record]))
