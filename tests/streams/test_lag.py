"""What the broker has and the role has not finished is shown, and a consumer that stalls is noticed."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest
from aiokafka import TopicPartition
from prometheus_client import REGISTRY

from streams.faust_bridge.application import RoleApp
from streams.faust_bridge.transport import FetchState
from streams.inbox import Inbox
from streams.lag import Lag
from streams.liveness import Liveness
from tests.streams.deliveries import EPOCH, delivery
from tests.streams.test_inbox import RecordingSource

PARTITION = TopicPartition("poster-requests", 0)


@dataclass
class Consumer:
    """A consumer of one partition that ends at 10."""

    position_now: int | None
    is_member: bool = True
    last: int | None = None

    async def fetch_states(self) -> dict[Any, FetchState]:
        """Return how far it has been fetched."""
        return {PARTITION: FetchState(self.position_now, 10, self.is_member, self.last)}


@dataclass
class Source:
    """Remembers what is to be fetched again."""

    refetched_after: list[tuple[tuple[str, int], int | None]] = field(default_factory=list)

    def refetch(self, partition: tuple[str, int], after: int | None) -> None:
        """Remember."""
        self.refetched_after.append((partition, after))


@dataclass
class App:
    """What the lag needs of a role's app."""

    inboxes: tuple[Inbox, ...]
    consumer: Consumer
    role: str = "intake"
    source: Source = field(default_factory=Source)

    def skip_gap(self, partition: tuple[str, int], after: int | None, end: int) -> None:
        """Commit nothing."""


def shown(name: str) -> float | None:
    """Return what a gauge shows of the partition."""
    return REGISTRY.get_sample_value(name, {"role": "intake", "topic": "poster-requests", "partition": "0"})


@pytest.fixture
def inbox() -> Inbox:
    """An inbox that holds back at two."""
    inbox = Inbox(["poster-requests"], cap=2)
    inbox.attach(RecordingSource())
    return inbox


async def look(inbox: Inbox, position: int | None, *, is_member: bool = True) -> Liveness:
    """Look at a role whose consumer has come so far, an hour after its first record was written."""
    liveness = Liveness("intake", [inbox])
    app = cast("RoleApp", App((inbox,), Consumer(position, is_member)))
    await Lag(app, liveness, lambda: EPOCH + timedelta(hours=1)).update()
    return liveness


async def test_lag_counts_what_is_in_hand_and_what_is_not_fetched(inbox: Inbox) -> None:
    """Three records are not fetched and one is in hand, an hour old."""
    inbox.deliver(delivery(6), lambda: None)
    liveness = await look(inbox, 7)

    assert shown("poster_consumer_lag_messages") == 4
    assert shown("poster_consumer_lag_seconds") == 3_600
    assert liveness.behind


async def test_a_partition_that_is_held_back_is_no_stalled_consumer(inbox: Inbox) -> None:
    """Where parked posters fill the window nothing more is fetched, for as long as they wait."""
    for offset in range(2):
        inbox.deliver(delivery(offset), lambda: None)
    for deferred in await inbox.take(2):
        inbox.defer(deferred)
    liveness = await look(inbox, 2)

    assert not liveness.behind
    assert not liveness.snapshot().busy


async def test_nothing_left_is_no_lag(inbox: Inbox) -> None:
    """At the end of the topic there is nothing to show."""
    liveness = await look(inbox, 10)

    assert shown("poster_consumer_lag_messages") == 0
    assert not liveness.behind


@pytest.mark.parametrize("is_member", [True, False])
async def test_a_consumer_that_never_begins_is_one_that_stalls(inbox: Inbox, *, is_member: bool) -> None:
    """Where it could know where to begin, it is behind; without a coordinator of its group it waits for the broker."""
    liveness = await look(inbox, None, is_member=is_member)

    assert liveness.behind == is_member


async def test_what_was_fetched_and_does_not_arrive_is_fetched_again(inbox: Inbox) -> None:
    """Records that are still missing at the next look will not come by themselves; what is on its way is waited for."""
    app = App((inbox,), Consumer(10, last=9))
    lag = Lag(cast("RoleApp", app), Liveness("intake", [inbox]), lambda: EPOCH)
    inbox.deliver(delivery(7), lambda: None)
    await lag.update()
    inbox.deliver(delivery(8), lambda: None)
    await lag.update()
    at_first = list(app.source.refetched_after)
    await lag.update()

    assert at_first == []
    assert app.source.refetched_after == [(("poster-requests", 0), 8)]
