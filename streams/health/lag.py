"""Consumer lag of a role, from the broker's view; detects stalled consumers and records lost after the fetch."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from aiokafka.errors import KafkaConnectionError, KafkaError, NodeNotReadyError

from streams.errors import UnavailableError
from streams.faust_bridge.application import RoleApp
from streams.faust_bridge.refusals import read_refusal
from streams.faust_bridge.transport import ConsumerStoppedError, FetchState
from streams.health.liveness import Liveness
from streams.metrics import LAG, LAG_SECONDS

logger = logging.getLogger(__name__)

EVERY_SECONDS: Final = 5.0
ANSWER_TIMEOUT_SECONDS: Final = 20.0


class Lag:
    """Compares the consumer's positions with the ends of its partitions, every five seconds.

    Sets `Liveness.behind` where there are records that the consumer does not fetch: a stalled consumer delivers
    nothing, and nothing else would show that.
    """

    def __init__(self, app: RoleApp, liveness: Liveness, now: Callable[[], datetime]) -> None:
        self._app = app
        self._liveness = liveness
        self._now = now
        self._exported: set[tuple[str, int]] = set()
        self._missing: dict[Any, int | None] = {}
        """By partition of which not everything fetched had arrived at the last update: the last offset that had."""

    async def run(self) -> None:
        """Update until cancelled. An unavailable broker is asked again.

        Raises ConsumerStoppedError where the consumer has stopped permanently, and AuthorizationError where this user
        may not consume.
        """
        while True:
            try:
                async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                    await self.update()
            except (NodeNotReadyError, KafkaConnectionError, UnavailableError, OSError, TimeoutError) as error:
                logger.debug("%s: the broker does not answer with the ends of its topics: %r", self._app.role, error)
            except (KafkaError, ConsumerStoppedError) as error:
                refusal = read_refusal(error, self._app.role)
                if refusal is not None:
                    raise refusal from error
                if isinstance(error, ConsumerStoppedError):
                    raise
                logger.warning("%s: the broker does not let the consumer work: %r", self._app.role, error)
            await asyncio.sleep(EVERY_SECONDS)

    async def update(self) -> None:
        """Update gauges and liveness once. Raises KafkaError, OSError, UnavailableError, ConsumerStoppedError."""
        consumer: Any = self._app.consumer
        states: Mapping[Any, FetchState] = await consumer.fetch_states()
        behind = False
        for partition, state in states.items():
            unfetched = state.end - (state.position or 0)
            # A paused partition is not fetched on purpose, as where many posters wait for their retry.
            # Without a coordinator no position is known: the broker has to recover first.
            stalls = unfetched > 0 and not self._is_paused(partition)
            behind = behind or (stalls and (state.position is not None or state.is_member))
            self._export(partition, unfetched)
            if state.position and state.position - 1 > (-1 if state.last is None else state.last):
                self._app.skip_gap(self._app.partition_of(partition), state.last, state.position)
        self._refetch_missing(states)
        self._liveness.behind = behind
        for revoked in self._exported - {self._app.partition_of(tp) for tp in states}:
            self._exported.discard(revoked)
            for gauge in (LAG, LAG_SECONDS):
                gauge.remove(self._app.role, revoked[0], str(revoked[1]))

    def _refetch_missing(self, states: Mapping[Any, FetchState]) -> None:
        """Fetch records again that had been fetched by the update before and still have not arrived: they are lost."""
        missing = {}
        for tp, state in states.items():
            delivered = self._last_delivered(tp)
            if state.last is not None and (delivered is None or delivered < state.last):
                missing[tp] = delivered
        for tp, last in missing.items() & self._missing.items():
            self._app.consumer_control.refetch(self._app.partition_of(tp), last)
        self._missing = missing

    def _last_delivered(self, tp: Any) -> int | None:
        partition = self._app.partition_of(tp)
        return next(inbox.last_delivered(partition) for inbox in self._app.inboxes if partition[0] in inbox.topics)

    def _is_paused(self, tp: Any) -> bool:
        return any(inbox.is_partition_paused(self._app.partition_of(tp)) for inbox in self._app.inboxes)

    def _export(self, tp: Any, unfetched: int) -> None:
        partition = self._app.partition_of(tp)
        unacknowledged = [inbox.unacknowledged_in(partition) for inbox in self._app.inboxes]
        ages = [(self._now() - oldest).total_seconds() for _, oldest in unacknowledged if oldest is not None]
        labels = (self._app.role, partition[0], str(partition[1]))
        LAG.labels(*labels).set(max(0, unfetched) + sum(count for count, _ in unacknowledged))
        LAG_SECONDS.labels(*labels).set(max([0.0, *ages]))
        self._exported.add(partition)
