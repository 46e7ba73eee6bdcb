"""Gauges show the lag of a role, and a stalled consumer is detected."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from streams.faust_bridge.application import RoleApp
from streams.faust_bridge.transport import FetchState
from streams.health.lag import Lag
from streams.health.liveness import Liveness
from streams.inbox import Inbox
from tests.streams.deliveries import EPOCH, delivery
from tests.streams.test_inbox import RecordingControl

PARTITION = TopicPartition("poster-requests", 0)


@dataclass
class Consumer:
    """A consumer of one partition that ends at 10."""

    position_now: int | None
    is_member: bool = True
    last: int | None = None

    async def fetch_states(self) -> dict[Any, FetchState]:
        """Return how far it is fetched."""
        return {PARTITION: FetchState(self.position_now, 10, self.is_member, self.last)}


@dataclass
class Control:
    """Records what is fetched again."""

    refetched_after: list[tuple[tuple[str, int], int | None]] = field(default_factory=list)

    def refetch(self, partition: tuple[str, int], after: int | None) -> None:
        """Record it."""
        self.refetched_after.append((partition, after))


@dataclass
class App:
    """The part of a role's app that `Lag` uses."""

    inboxes: tuple[Inbox, ...]
    consumer: Consumer
    role: str = "intake"
    consumer_control: Control = field(default_factory=Control)

    def partition_of(self, tp: Any) -> tuple[str, int]:
        """Return the partition, whose topic has no prefix."""
        return tp.topic, tp.partition

    def skip_gap(self, partition: tuple[str, int], after: int | None, end: int) -> None:
        """Commit nothing."""


def shown(name: str) -> float | None:
    """Return what a gauge shows of the partition."""
    return REGISTRY.get_sample_value(name, {"role": "intake", "topic": "poster-requests", "partition": "0"})


@pytest.fixture
def inbox() -> Inbox:
    """An inbox that pauses a partition at two records."""
    inbox = Inbox(["poster-requests"], cap=2)
    inbox.attach(RecordingControl())
    return inbox


async def updated(inbox: Inbox, position: int | None, *, is_member: bool = True) -> Liveness:
    """Update the lag of a role whose consumer is at this position, an hour after its first record was written."""
    liveness = Liveness("intake", [inbox])
    app = cast("RoleApp", App((inbox,), Consumer(position, is_member)))
    await Lag(app, liveness, lambda: EPOCH + timedelta(hours=1)).update()
    return liveness


async def test_lag_counts_records_in_flight_and_not_fetched(inbox: Inbox) -> None:
    """Three records are not fetched and one is unacknowledged, an hour old."""
    inbox.deliver(delivery(6), lambda: None)
    liveness = await updated(inbox, 7)

    assert shown("poster_consumer_lag_messages") == 4
    assert shown("poster_consumer_lag_seconds") == 3_600
    assert liveness.behind


async def test_a_paused_partition_is_no_stalled_consumer(inbox: Inbox) -> None:
    """While deferred posters reach the cap nothing is fetched, and the role is not behind."""
    for offset in range(2):
        inbox.deliver(delivery(offset), lambda: None)
    for deferred in await inbox.take(2):
        inbox.defer(deferred)
    liveness = await updated(inbox, 2)

    assert not liveness.behind
    assert not liveness.snapshot().busy


async def test_at_the_end_there_is_no_lag(inbox: Inbox) -> None:
    """Everything is fetched and finished."""
    liveness = await updated(inbox, 10)

    assert shown("poster_consumer_lag_messages") == 0
    assert not liveness.behind


@pytest.mark.parametrize("is_member", [True, False])
async def test_a_consumer_without_a_position_stalls(inbox: Inbox, *, is_member: bool) -> None:
    """A member of the group without a position is behind; without a coordinator it waits for the broker."""
    liveness = await updated(inbox, None, is_member=is_member)

    assert liveness.behind == is_member


async def test_fetched_records_that_do_not_arrive_are_fetched_again(inbox: Inbox) -> None:
    """Records still missing at the next update are lost; before that they may be on their way."""
    app = App((inbox,), Consumer(10, last=9))
    lag = Lag(cast("RoleApp", app), Liveness("intake", [inbox]), lambda: EPOCH)
    inbox.deliver(delivery(7), lambda: None)
    await lag.update()
    inbox.deliver(delivery(8), lambda: None)
    await lag.update()
    at_first = list(app.consumer_control.refetched_after)
    await lag.update()

    assert at_first == []
    assert app.consumer_control.refetched_after == [(("poster-requests", 0), 8)]
