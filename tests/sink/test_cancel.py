"""Cancelling: what has not ended is called off, what has ended stays, what comes later is called off too."""

from dataclasses import replace

import pytest

from schemas.topics import JOB_CANCELLATIONS, POSTER_COMPLETIONS
from streams.delivery import Delivery
from streams.replay import replayed
from tests.sink.conftest import Workshop

COUNTS = "status, total_count, success_count, failure_count, cancelled_count"


async def deliver_back(workshop: Workshop) -> None:
    """Let the sink read what it published on poster-completions, as it would from the topic."""
    outcomes = [record for record in workshop.announcements.records if record.topic == "poster-completions"]
    records: list[Delivery] = [
        workshop.topics.record(record.topic, str(record.key), record.value) for record in outcomes
    ]
    await workshop.sink.process(records)


async def test_a_cancel_calls_off_every_poster_that_has_not_ended(workshop: Workshop) -> None:
    """Queued and rendering posters are cancelled; a completed one stays completed and the job says cancelled."""
    topics, sink = workshop.topics, workshop.sink
    await sink.process([topics.batch("job", 3, metadata={"order": 1}), topics.completed("job", 0)])
    await sink.process([topics.processing("job", 1)])
    await sink.process([topics.cancel("job")])
    called_off = workshop.announcements.outcomes
    await deliver_back(workshop)

    assert [(event.poster_index, event.type, event.entity_id, event.metadata) for event in called_off] == [
        (1, "poster.cancelled", "entity-1", {"order": 1}),
        (2, "poster.cancelled", "entity-2", {"order": 1}),
    ]
    assert {event.source for event in called_off} == {"site"}
    assert await workshop.jobs(COUNTS) == [("cancelled", 3, 1, 0, 2)]
    assert workshop.announcements.job_events[-1].type == "job.cancelled"
    assert await workshop.jobs("cancel_reason, cancelled_up_to") == [("enough", 0)]


@pytest.mark.parametrize("together", [True, False])
async def test_a_cancel_that_comes_first_calls_off_the_request_that_comes_later(
    workshop: Workshop, together: bool
) -> None:
    """A cancel for an unknown job is kept, and the request that follows is cancelled as soon as it is written."""
    topics, sink = workshop.topics, workshop.sink
    cancel, request = topics.cancel("job"), topics.batch("job", 2)
    for batch in [[cancel, request]] if together else [[cancel], [request]]:
        await sink.process(batch)
    await deliver_back(workshop)

    assert await workshop.jobs(COUNTS) == [("cancelled", 2, 0, 0, 2)]


async def test_parts_that_come_after_the_cancel_are_called_off_too(workshop: Workshop) -> None:
    """The second part of a cancelled batch is cancelled when it arrives."""
    topics, sink = workshop.topics, workshop.sink
    await sink.process([topics.batch("job", 1, part=1, parts=2, first_index=0, total_count=2), topics.cancel("job")])
    await sink.process([topics.batch("job", 1, part=2, parts=2, first_index=1, total_count=2)])
    await deliver_back(workshop)

    assert await workshop.jobs(COUNTS) == [("cancelled", 2, 0, 0, 2)]


async def test_a_cancel_delivered_again_does_not_call_off_a_replay(workshop: Workshop) -> None:
    """A replay after the cancel is a new generation; the old cancel, read again, does not reach it; a new one does."""
    topics, sink = workshop.topics, workshop.sink
    cancel = topics.cancel("job")
    await sink.process([topics.request("job"), cancel])
    await deliver_back(workshop)
    await sink.process([topics.queued("job", generation=1)])
    workshop.announcements.records.clear()

    await sink.process([cancel])
    again = workshop.announcements.outcomes
    await sink.process([topics.cancel("job", number=2)])

    assert again == []
    assert [(event.status, event.generation) for event in workshop.announcements.outcomes] == [("cancelled", 1)]


def replay(delivery: Delivery, generation: int) -> Delivery:
    """Return a request as `posters replay` sends it again."""
    return replace(delivery, headers=replayed(delivery.headers, generation, "job/0"))


async def test_cancelling_a_replayed_job_stops_the_replay(workshop: Workshop) -> None:
    """Those who make posters are told up to which generation, before the outcome is stated; they know no replays."""
    topics, sink = workshop.topics, workshop.sink
    await sink.process([topics.request("job"), topics.completed("job")])
    await sink.process([replay(topics.request("job"), 1), replay(topics.request("other"), 1)])
    workshop.announcements.records.clear()
    await sink.process([topics.cancel("job")])
    order = [record.topic for record in workshop.announcements.records]
    called_off = workshop.announcements.outcomes

    assert workshop.announcements.called_off == [("job", 1)]
    assert [(event.status, event.generation) for event in called_off] == [("cancelled", 1)]
    assert order.index(JOB_CANCELLATIONS) < order.index(POSTER_COMPLETIONS)


async def test_a_cancel_of_a_job_without_replays_needs_no_second_word(workshop: Workshop) -> None:
    """Intake has said it already."""
    await workshop.sink.process([workshop.topics.request("job"), workshop.topics.cancel("job")])

    assert workshop.announcements.called_off == []
    assert len(workshop.announcements.outcomes) == 1


@pytest.mark.parametrize("together", [True, False])
async def test_a_replay_after_the_cancel_is_not_called_off(workshop: Workshop, together: bool) -> None:
    """What was asked for after the cancel is made, though both are written at once, as after an outage."""
    topics, sink = workshop.topics, workshop.sink
    await sink.process([topics.request("job"), topics.failed("job")])
    cancel, again = topics.cancel("job"), replay(topics.request("job"), 1)
    for batch in [[cancel, again]] if together else [[cancel], [again]]:
        await sink.process(batch)

    assert [event.generation for event in workshop.announcements.outcomes] == []
    assert await workshop.jobs("cancelled_up_to") == [(0,)]


async def test_a_large_job_is_called_off_in_pages(workshop: Workshop) -> None:
    """Every one of 2,500 posters is called off once, whatever the page size."""
    topics, sink = workshop.topics, workshop.sink
    parts = [
        topics.batch("job", 500, part=part + 1, parts=5, first_index=500 * part, total_count=2_500) for part in range(5)
    ]
    await sink.process([*parts, topics.cancel("job")])

    assert sorted(event.poster_index for event in workshop.announcements.outcomes) == list(range(2_500))


async def test_a_cancel_whose_announcement_was_lost_is_announced_on_redelivery(workshop: Workshop) -> None:
    """The same cancel again, after a crash before publishing, calls off with the same event ids."""
    topics, sink = workshop.topics, workshop.sink
    cancel = topics.cancel("job")
    await sink.process([topics.request("job"), cancel])
    first = [record.value for record in workshop.announcements.records if record.topic == "poster-completions"]
    workshop.announcements.records.clear()
    await sink.process([cancel])

    assert len(first) == 1
    assert [record.value for record in workshop.announcements.records] == first
