"""How far a role is behind its topics, as the broker sees it."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError
from faust.exceptions import FaustError

from streams.faust_bridge.application import RoleApp
from streams.faust_bridge.transport import Fetched
from streams.liveness import Liveness
from streams.metrics import LAG, LAG_SECONDS

logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 20.0


class Lag:
    """Asks the broker where the topics of a role end, every five seconds.

    It tells the role's progress whether there are records that the consumer does not fetch: one that has stalled
    delivers nothing, and nothing else would show it.
    """

    def __init__(self, app: RoleApp, progress: Liveness, now: Callable[[], datetime]) -> None:
        self._app = app
        self._progress = progress
        self._now = now
        self._shown: set[tuple[str, int]] = set()
        self._missing: dict[Any, int | None] = {}
        """Partitions of which not all arrived that was fetched by the last look, and what had arrived last."""

    async def run(self) -> None:
        """Look until cancelled. A broker that does not answer is asked again.

        Raises ConsumerStoppedError where the consumer will never read again.
        """
        while True:
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self.look()
            except (NodeNotReadyError, KafkaConnectionError, OSError, TimeoutError, FaustError) as error:
                logger.debug("%s: the broker does not say where its topics end: %r", self._app.role, error)
            except KafkaError as error:
                logger.warning("%s: the broker does not let the consumer work: %r", self._app.role, error)
            await asyncio.sleep(EVERY_SECONDS)

    async def look(self) -> None:
        """Look once. Raises KafkaError, OSError, ConsumerStoppedError."""
        consumer: Any = self._app.consumer
        seen: Mapping[Any, Fetched] = await consumer.look()
        behind = False
        for partition, fetched in seen.items():
            unfetched = fetched.end - (fetched.position or 0)
            # What is held back is not fetched on purpose, as where many posters wait for their time to be tried again.
            # Without a coordinator nobody can say where to begin: that is the broker's to mend.
            stalls = unfetched > 0 and not self._is_held_back(partition)
            behind = behind or (stalls and (fetched.position is not None or fetched.is_member))
            self._show(partition, unfetched)
            if fetched.position and fetched.position - 1 > (-1 if fetched.last is None else fetched.last):
                self._app.pass_over((partition.topic, partition.partition), fetched.last, fetched.position)
        self._look_for_missing(seen)
        self._progress.behind = behind
        for gone in self._shown - {(tp.topic, tp.partition) for tp in seen}:
            self._shown.discard(gone)
            for gauge in (LAG, LAG_SECONDS):
                gauge.remove(self._app.role, gone[0], str(gone[1]))

    def _look_for_missing(self, seen: Mapping[Any, Fetched]) -> None:
        """Fetch again what was fetched before the last look already and has not arrived: it will not any more."""
        missing = {}
        for tp, fetched in seen.items():
            arrived = self._arrived(tp)
            if fetched.last is not None and (arrived is None or arrived < fetched.last):
                missing[tp] = arrived
        for tp, last in missing.items() & self._missing.items():
            self._app.source.reread((tp.topic, tp.partition), last)
        self._missing = missing

    def _arrived(self, tp: Any) -> int | None:
        return next(inbox.last((tp.topic, tp.partition)) for inbox in self._app.inboxes if tp.topic in inbox.topics)

    def _is_held_back(self, tp: Any) -> bool:
        return any(inbox.holds_back((tp.topic, tp.partition)) for inbox in self._app.inboxes)

    def _show(self, tp: Any, unfetched: int) -> None:
        partition = (tp.topic, tp.partition)
        held = [inbox.held(partition) for inbox in self._app.inboxes]
        age = max(((self._now() - oldest).total_seconds() for _, oldest in held if oldest is not None), default=0.0)
        labels = (self._app.role, tp.topic, str(tp.partition))
        LAG.labels(*labels).set(max(0, unfetched) + sum(count for count, _ in held))
        LAG_SECONDS.labels(*labels).set(max(0.0, age))
        self._shown.add(partition)
