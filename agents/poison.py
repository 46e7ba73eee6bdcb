"""What becomes of a poison message: it is a dead letter, and its poster fails and is not retried."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from agents.events import PinnedPosterEvents
from schemas.codec import ContractError, decode
from schemas.renders import PosterPinned
from streams.crash_guard import by_position
from streams.dead_letters.dead_letters import DeadLetters
from streams.delivery import Delivery, Publisher, Record
from streams.records import event_headers
from streams.retry import retry_while_unavailable

Answer = Callable[[Delivery, str], Awaitable[list[Record]]]
"""Returns what is published of a poison message; it may wait for the database."""


def poster_identity(delivery: Delivery) -> tuple[str, int]:
    """Identify a pinned poster in the crash journal, whichever attempt or copy of its record this is."""
    try:
        poster = decode(delivery.value, PosterPinned)
    except ContractError:
        return by_position(delivery)
    if poster.purpose == "preview":
        return by_position(delivery)
    return f"{poster.job_id}/{poster.poster_index}/{poster.generation}", 0


class PoisonMessages:
    """Ends the poison messages of a role. `answer` returns what is published of one, besides the dead letter."""

    def __init__(self, publisher: Publisher, dead_letters: DeadLetters, answer: Answer | None = None) -> None:
        self._publisher = publisher
        self._dead_letters = dead_letters
        self._answer = answer

    async def reject(self, delivery: Delivery, reason: str) -> None:
        """Publish the answer and the dead letter; retries while what they need is unavailable."""
        records = await self._answer(delivery, reason) if self._answer is not None else []
        if records:
            await retry_while_unavailable(lambda: self._publisher.publish(records))
        await retry_while_unavailable(lambda: self._dead_letters.put(delivery, "poison", reason))


def fail_pinned(now: Callable[[], datetime]) -> Answer:
    """Return the answer to a poisoned poster: its failure, whatever attempts it has left."""

    async def answer(delivery: Delivery, reason: str) -> list[Record]:
        try:
            poster = decode(delivery.value, PosterPinned)
        except ContractError:
            return []
        events = PinnedPosterEvents(poster=poster, now=now(), headers=event_headers(delivery))
        return events.records_of_failure("renderer_crashed", reason)

    return answer
