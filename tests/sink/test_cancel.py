"""Cancelling: open posters are cancelled, ended ones stay, posters that arrive later are cancelled too."""

from dataclasses import replace

import pytest

from schemas.topics import JOB_CANCELLATIONS, POSTER_COMPLETIONS
from streams.delivery import Delivery
from streams.replay import replayed
from tests.sink.conftest import SinkHarness

COUNTS = "status, total_count, success_count, failure_count, cancelled_count"


async def deliver_back(harness: SinkHarness) -> None:
    """Let the sink read what it published on poster-completions, as it would from the topic."""
    outcomes = [record for record in harness.announcements.records if record.topic == "poster-completions"]
    records: list[Delivery] = [
        harness.topics.record(record.topic, str(record.key), record.value) for record in outcomes
    ]
    await harness.sink.process(records)


async def test_a_cancel_ends_every_open_poster(harness: SinkHarness) -> None:
    """Queued and rendering posters are cancelled; a completed one stays completed and the job says cancelled."""
    topics, sink = harness.topics, harness.sink
    await sink.process([topics.batch("job", 3, metadata={"order": 1}), topics.completed("job", 0)])
    await sink.process([topics.processing("job", 1)])
    await sink.process([topics.cancel("job")])
    cancelled = harness.announcements.outcomes
    await deliver_back(harness)

    assert [(event.poster_index, event.type, event.entity_id, event.metadata) for event in cancelled] == [
        (1, "poster.cancelled", "entity-1", {"order": 1}),
        (2, "poster.cancelled", "entity-2", {"order": 1}),
    ]
    assert {event.source for event in cancelled} == {"site"}
    assert await harness.jobs(COUNTS) == [("cancelled", 3, 1, 0, 2)]
    assert harness.announcements.job_events[-1].type == "job.cancelled"
    assert await harness.jobs("cancel_reason, cancelled_up_to") == [("enough", 0)]


@pytest.mark.parametrize("together", [True, False])
async def test_a_cancel_that_arrives_first_covers_the_request(harness: SinkHarness, together: bool) -> None:
    """A cancel for an unknown job is kept, and the request that follows is cancelled as soon as it is written."""
    topics, sink = harness.topics, harness.sink
    cancel, request = topics.cancel("job"), topics.batch("job", 2)
    for batch in [[cancel, request]] if together else [[cancel], [request]]:
        await sink.process(batch)
    await deliver_back(harness)

    assert await harness.jobs(COUNTS) == [("cancelled", 2, 0, 0, 2)]


async def test_parts_that_arrive_after_the_cancel_are_cancelled_too(harness: SinkHarness) -> None:
    """The second part of a cancelled batch is cancelled when it arrives."""
    topics, sink = harness.topics, harness.sink
    await sink.process([topics.batch("job", 1, part=1, parts=2, first_index=0, total_count=2), topics.cancel("job")])
    await sink.process([topics.batch("job", 1, part=2, parts=2, first_index=1, total_count=2)])
    await deliver_back(harness)

    assert await harness.jobs(COUNTS) == [("cancelled", 2, 0, 0, 2)]


async def test_a_cancel_delivered_again_does_not_cancel_a_replay(harness: SinkHarness) -> None:
    """A replay after the cancel is a new generation; the old cancel, read again, does not reach it; a new one does."""
    topics, sink = harness.topics, harness.sink
    cancel = topics.cancel("job")
    await sink.process([topics.request("job"), cancel])
    await deliver_back(harness)
    await sink.process([topics.queued("job", generation=1)])
    harness.announcements.records.clear()

    await sink.process([cancel])
    again = harness.announcements.outcomes
    await sink.process([topics.cancel("job", number=2)])

    assert again == []
    assert [(event.status, event.generation) for event in harness.announcements.outcomes] == [("cancelled", 1)]


def replay(delivery: Delivery, generation: int) -> Delivery:
    """Return a request as `posters replay` sends it again."""
    return replace(delivery, headers=replayed(delivery.headers, generation, "job/0"))


async def test_cancelling_a_replayed_job_stops_the_replay(harness: SinkHarness) -> None:
    """Intake, render and retry know no replays: they get the generation before the outcome is published."""
    topics, sink = harness.topics, harness.sink
    await sink.process([topics.request("job"), topics.completed("job")])
    await sink.process([replay(topics.request("job"), 1), replay(topics.request("other"), 1)])
    harness.announcements.records.clear()
    await sink.process([topics.cancel("job")])
    order = [record.topic for record in harness.announcements.records]
    cancelled = harness.announcements.outcomes

    assert harness.announcements.cancellations == [("job", 1)]
    assert [(event.status, event.generation) for event in cancelled] == [("cancelled", 1)]
    assert order.index(JOB_CANCELLATIONS) < order.index(POSTER_COMPLETIONS)


async def test_a_cancel_of_a_job_without_replays_needs_no_cancellation(harness: SinkHarness) -> None:
    """Intake has published it already."""
    await harness.sink.process([harness.topics.request("job"), harness.topics.cancel("job")])

    assert harness.announcements.cancellations == []
    assert len(harness.announcements.outcomes) == 1


@pytest.mark.parametrize("together", [True, False])
async def test_a_replay_after_the_cancel_is_not_cancelled(harness: SinkHarness, together: bool) -> None:
    """It is rendered although both are written in one flush, as after an outage."""
    topics, sink = harness.topics, harness.sink
    await sink.process([topics.request("job"), topics.failed("job")])
    cancel, again = topics.cancel("job"), replay(topics.request("job"), 1)
    for batch in [[cancel, again]] if together else [[cancel], [again]]:
        await sink.process(batch)

    assert [event.generation for event in harness.announcements.outcomes] == []
    assert await harness.jobs("cancelled_up_to") == [(0,)]


async def test_a_large_job_is_cancelled_in_pages(harness: SinkHarness) -> None:
    """Every one of 2,500 posters is cancelled once, whatever the page size."""
    topics, sink = harness.topics, harness.sink
    parts = [
        topics.batch("job", 500, part=part + 1, parts=5, first_index=500 * part, total_count=2_500) for part in range(5)
    ]
    await sink.process([*parts, topics.cancel("job")])

    assert sorted(event.poster_index for event in harness.announcements.outcomes) == list(range(2_500))


async def test_a_cancel_whose_announcement_was_lost_is_announced_on_redelivery(harness: SinkHarness) -> None:
    """The same cancel again, after a crash before publishing, cancels with the same event ids."""
    topics, sink = harness.topics, harness.sink
    cancel = topics.cancel("job")
    await sink.process([topics.request("job"), cancel])
    first = [record.value for record in harness.announcements.records if record.topic == "poster-completions"]
    harness.announcements.records.clear()
    await sink.process([cancel])

    assert len(first) == 1
    assert [record.value for record in harness.announcements.records] == first
