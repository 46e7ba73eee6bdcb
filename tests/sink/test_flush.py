"""One sink, one record after the other: what ends up in the tables and on job-events."""

import json
from dataclasses import replace
from datetime import timedelta

from prometheus_client import REGISTRY

from schemas.envelope import fact_id
from schemas.topics import POSTER_COMPLETIONS, POSTER_LOGS, POSTER_PROGRESS, POSTER_REQUESTS
from tests.sink.conftest import SinkHarness
from tests.sink.topics import START, VERSION, identity

COUNTS = "status, total_count, success_count, failure_count, cancelled_count"
STATE = "status, generation, attempt"


async def test_the_events_of_a_poster_make_one_row(harness: SinkHarness) -> None:
    """Request, pin, rendering and outcome, each in a flush of its own, add up to one complete row."""
    topics, sink = harness.topics, harness.sink
    story = [
        topics.request("job", metadata={"user_id": 7}, deadline=START + timedelta(days=900)),
        topics.queued("job"),
        topics.processing("job"),
        topics.completed("job", queue_time_ms=12, cached=True),
        topics.log("job", level="ERROR", poster_index=0, details={"why": "because"}),
    ]
    states = []
    for delivery in story:
        await sink.process([delivery])
        states.append((await harness.posters("status, template_version"))[0])

    assert states == [("queued", None), ("queued", 3), ("processing", 3), ("completed", 3), ("completed", 3)]
    assert await harness.jobs(f"{COUNTS}, template_id, source") == [
        ("completed", 1, 1, 0, 0, "campaign_latest", "site")
    ]
    columns = "entity_id, output_url, generation_time_ms, queue_time_ms, cached, template_version_id, event_id"
    assert await harness.posters(columns) == [
        ("entity", "https://posters.example/job/0", 120, 12, True, VERSION, identity("completed", "job", 0, 0, 1))
    ]
    ((data, metadata),) = await harness.posters("custom_data, metadata")
    assert (json.loads(data), json.loads(metadata)) == ({"text": "job"}, {"user_id": 7})
    ((said,),) = await harness.jobs("input_data")
    assert json.loads(said) == {
        "template_id": "campaign_latest",
        "strict": False,
        "reuse": True,
        "priority": "normal",
        "deadline": "2028-08-17T12:00:00+00:00",
    }
    assert await harness.fetch(
        "SELECT job_id, poster_index, code, created_at FROM template_generation_logs WHERE level = 'ERROR'"
    ) == [("job", 0, "note", START)]


async def test_the_time_to_an_outcome_tells_single_posters_from_batches(harness: SinkHarness) -> None:
    """The objective is about posters that are requested alone: a batch's posters are counted apart."""
    topics, sink = harness.topics, harness.sink
    before = [timed(kind) for kind in ("single", "batch")]

    await sink.process([topics.request("alone"), topics.completed("alone")])
    await sink.process([topics.batch("many", 2), topics.completed("many", 0), topics.completed("many", 1)])

    assert [timed(kind) for kind in ("single", "batch")] == [before[0] + 1, before[1] + 2]


def timed(kind: str) -> float:
    """Return how many outcomes of single posters or of batches were timed."""
    return REGISTRY.get_sample_value("poster_end_to_end_seconds_count", {"kind": kind}) or 0


async def test_every_flush_dates_what_it_changes(harness: SinkHarness) -> None:
    """`updated_at` rises with the state of a poster and of its job; `created_at` stays the request's time."""
    topics, sink = harness.topics, harness.sink
    seen = []
    for delivery in (topics.request("job"), topics.queued("job"), topics.completed("job")):
        await sink.process([delivery])
        seen.append((await harness.posters("created_at, updated_at"))[0])

    assert {created for created, _ in seen} == {START + timedelta(milliseconds=1)}
    assert seen[0][1] < seen[1][1] < seen[2][1]
    assert await harness.jobs("updated_at") == [(seen[2][1],)]


async def test_job_events_cover_every_change_once_and_echo_the_request(harness: SinkHarness) -> None:
    """Revisions rise by every change of counts or status; metadata and source come back untouched."""
    topics, sink = harness.topics, harness.sink
    metadata = {"order": 9, "largest": 1.5e308, "smallest": 5e-324, "unsigned": 2**64 - 1}
    for delivery in (
        topics.batch("job", 2, metadata=metadata),
        topics.queued("job", 0),
        topics.processing("job", 0),
        topics.completed("job", 0),
        topics.failed("job", 1),
    ):
        await sink.process([delivery])

    events = harness.announcements.job_events
    assert [(event.type, event.revision, event.success_count, event.failure_count) for event in events] == [
        ("job.progressed", 1, 0, 0),
        ("job.progressed", 2, 0, 0),
        ("job.progressed", 3, 1, 0),
        ("job.completed", 4, 1, 1),
    ]
    assert {(event.source, event.total_count) for event in events} == {("site", 2)}
    assert all(event.metadata == metadata for event in events)
    assert events[-1].event_id == fact_id("job.completed", "job", 4)
    assert {record.key for record in harness.announcements.records} == {"job"}


async def test_a_finished_job_is_cancelled_before_it_is_failed_before_it_is_completed(harness: SinkHarness) -> None:
    """Cancelled if any poster was, else failed if none succeeded, else completed."""
    topics = harness.topics
    deliveries = [topics.batch(job, 2) for job in ("a-mixed", "b-failed", "c-cancelled", "d-open")]
    deliveries += [topics.completed("a-mixed", 0), topics.failed("a-mixed", 1)]
    deliveries += [topics.failed("b-failed", 0), topics.failed("b-failed", 1)]
    deliveries += [topics.completed("c-cancelled", 0), topics.cancelled("c-cancelled", 1)]
    deliveries += [topics.completed("d-open", 1)]
    await harness.sink.process(deliveries)

    assert await harness.jobs(COUNTS) == [
        ("completed", 2, 1, 1, 0),
        ("failed", 2, 0, 2, 0),
        ("cancelled", 2, 1, 0, 1),
        ("processing", 2, 1, 0, 0),
    ]


async def test_a_request_that_arrives_last_still_gives_its_job_and_data(harness: SinkHarness) -> None:
    """Events may be faster than the request: the row waits for custom_data and the job for its total."""
    topics, sink = harness.topics, harness.sink
    request = topics.request("job", metadata={"user_id": 7}, entity_id="testimonial-1")
    await sink.process([topics.processing("job"), topics.completed("job")])
    early = await harness.jobs(COUNTS)
    assert harness.announcements.records == []

    await sink.process([request])

    assert early == [("processing", 0, 1, 0, 0)]
    assert await harness.jobs(COUNTS) == [("completed", 1, 1, 0, 0)]
    assert await harness.posters("status, entity_id, custom_data") == [
        ("completed", "testimonial-1", '{"text": "job"}')
    ]
    assert [(event.type, event.metadata) for event in harness.announcements.job_events] == [
        ("job.completed", {"user_id": 7})
    ]


async def test_a_later_contradicting_end_is_counted_and_not_applied(harness: SinkHarness) -> None:
    """The first end of a generation stays, in one flush or in two."""
    topics, sink = harness.topics, harness.sink
    await sink.process([topics.request("apart"), topics.completed("apart")])
    await sink.process([topics.failed("apart")])
    await sink.process([topics.request("together"), topics.failed("together"), topics.completed("together")])

    assert await harness.posters("status") == [("completed",), ("failed",)]
    assert await harness.jobs(COUNTS) == [("completed", 1, 1, 0, 0), ("failed", 1, 0, 1, 0)]
    assert sink.counts.conflicts == 2


async def test_a_replay_starts_again_and_nothing_old_comes_back(harness: SinkHarness) -> None:
    """A higher generation opens a finished job; late events of the old generation change nothing."""
    topics, sink = harness.topics, harness.sink
    await sink.process([topics.request("job"), topics.failed("job")])
    await sink.process([topics.queued("job", generation=1)])
    reopened = (await harness.jobs(COUNTS))[0]
    await sink.process([topics.completed("job", attempt=9), topics.processing("job", attempt=9)])
    still = (await harness.posters(STATE))[0]
    await sink.process([topics.completed("job", generation=1)])

    assert reopened == ("queued", 1, 0, 0, 0)
    assert still == ("queued", 1, 1)
    assert await harness.posters(f"{STATE}, error_code") == [("completed", 1, 1, None)]
    assert await harness.jobs(COUNTS) == [("completed", 1, 1, 0, 0)]
    revisions = [event.revision for event in harness.announcements.job_events]
    assert revisions == sorted(revisions)


async def test_a_replay_within_one_flush_ends_its_job_again(harness: SinkHarness) -> None:
    """The counts are those of before, the time is not, and sites are told."""
    topics, sink = harness.topics, harness.sink
    await sink.process([topics.request("job"), topics.completed("job")])
    later = topics.completed("job", generation=1)
    value = (later.value or b"").replace(b"2026-03-01T12", b"2026-03-01T13")
    await sink.process([topics.queued("job", generation=1), replace(later, value=value)])

    assert await harness.jobs("status, finished_at") == [("completed", START + timedelta(hours=1))]
    assert [event.status for event in harness.announcements.job_events] == ["completed", "completed"]


async def test_a_retry_raises_the_attempt_and_keeps_the_state(harness: SinkHarness) -> None:
    """poster.retrying leaves a poster processing; the next attempt counts on, an older one does not come back."""
    topics, sink = harness.topics, harness.sink
    for delivery in (topics.request("job"), topics.processing("job"), topics.retrying("job")):
        await sink.process([delivery])
    waiting = await harness.posters(STATE)
    await sink.process([topics.processing("job", attempt=2)])
    await sink.process([topics.processing("job", attempt=1)])

    assert waiting == [("processing", 0, 1)]
    assert await harness.posters(STATE) == [("processing", 0, 2)]


async def test_everything_delivered_again_changes_nothing(harness: SinkHarness) -> None:
    """Redelivery leaves every row as it was; what is published again is the same event."""
    topics, sink = harness.topics, harness.sink
    deliveries = [
        topics.batch("job", 3),
        topics.queued("job", 0),
        topics.completed("job", 0),
        topics.failed("job", 1),
        topics.processing("job", 2),
        topics.log("job"),
        topics.cancel("job"),
    ]
    everything = "SELECT * FROM {} ORDER BY 1, 2"
    tables = ("template_generation_jobs", "template_poster_results", "template_generation_logs")
    await sink.process(deliveries)
    before = [await harness.fetch(everything.format(table)) for table in tables]
    published = list(harness.announcements.records)

    await sink.process(deliveries)
    await sink.process(list(reversed(deliveries)))

    assert [await harness.fetch(everything.format(table)) for table in tables] == before
    assert len(harness.announcements.records) > len(published)
    assert {record.value for record in harness.announcements.records} == {record.value for record in published}


async def test_the_same_job_requested_twice_is_the_same_job(harness: SinkHarness) -> None:
    """The first request says what the job is; a second one with other data changes nothing."""
    topics, sink = harness.topics, harness.sink
    await sink.process([topics.request("job"), topics.request("job", custom_data={"text": "other"}, entity_id="other")])
    await sink.process([topics.request("job", template_id="other@1", metadata={"other": True})])

    assert await harness.jobs("total_count, template_id, metadata") == [(1, "campaign_latest", "{}")]
    assert await harness.posters("entity_id, custom_data") == [("entity", '{"text": "job"}')]


async def test_parts_of_a_batch_make_one_job(harness: SinkHarness) -> None:
    """Parts in any order fill their indexes of one job; a poster's own metadata goes before the batch's."""
    topics, sink = harness.topics, harness.sink
    first = topics.batch("job", 2, part=1, parts=2, first_index=0, total_count=4, metadata={"batch": 1})
    posters = [{"entity_id": "c", "metadata": {"own": 1}}, {"entity_id": "d"}]
    second = topics.batch("job", 2, posters=posters, part=2, parts=2, first_index=2, total_count=4)
    await sink.process([second])
    await sink.process([first])

    assert await harness.jobs(COUNTS) == [("queued", 4, 0, 0, 0)]
    assert await harness.posters("poster_index, entity_id, metadata") == [
        (0, "entity-0", '{"batch": 1}'),
        (1, "entity-1", '{"batch": 1}'),
        (2, "c", '{"own": 1}'),
        (3, "d", "{}"),
    ]


async def test_a_log_line_stated_again_at_another_time_is_written_once(harness: SinkHarness) -> None:
    """The event id alone is a line's identity: work done twice may stamp it anew, days apart."""
    topics, sink = harness.topics, harness.sink
    await sink.process([topics.log("job"), topics.log("job", occurred_at=START + timedelta(seconds=1))])
    await sink.process([topics.log("job", occurred_at=START + timedelta(days=3))])

    assert await harness.fetch("SELECT created_at FROM template_generation_logs") == [(START,)]
    assert await harness.jobs("job_id") == []


async def test_a_bad_poster_of_a_batch_has_a_row_like_the_others(harness: SinkHarness) -> None:
    """Intake fails it alone; the sink keeps its place in the job."""
    topics = harness.topics
    posters = [{"entity_id": "good"}, {"entity_id": 5, "custom_data": "no"}, "not even an object"]
    await harness.sink.process([topics.batch("job", 3, posters=posters)])

    assert await harness.posters("entity_id, status") == [
        ("good", "queued"),
        ("unknown", "queued"),
        ("unknown", "queued"),
    ]


async def test_undecodable_records_are_salvaged_skipped_or_dead_letters(harness: SinkHarness) -> None:
    """Broken requests are intake's to answer, a readable identity becomes a job; the other topics' are dead letters."""
    topics, sink = harness.topics, harness.sink
    broken = topics.record(
        POSTER_REQUESTS, "job", b'{"type":"poster.requested","job_id":"job","version":1,"source":"site"}'
    )
    hopeless = topics.record(POSTER_REQUESTS, "x", b"{")
    others = [topics.record(name, "x", b"[]") for name in (POSTER_PROGRESS, POSTER_COMPLETIONS, POSTER_LOGS)]
    tombstone = topics.record(POSTER_LOGS, "x", None)
    await sink.process([broken, hopeless, *others, tombstone, topics.request("neighbour")])

    assert await harness.jobs("job_id, total_count, source") == [("job", 1, "site"), ("neighbour", 1, "site")]
    assert await harness.posters("job_id, status") == [("job", "queued"), ("neighbour", "queued")]
    assert [letter[0] for letter in harness.dead_letters.letters] == [*others, tombstone]
    assert {letter[1] for letter in harness.dead_letters.letters} == {"invalid_request"}
    assert sink.counts.skipped == 2


async def test_a_request_record_larger_than_a_flush_is_written_beside_others(harness: SinkHarness) -> None:
    """Batches of 500 posters go through in transactions of a bounded size."""
    topics = harness.topics
    await harness.sink.process([topics.batch(f"job-{number}", 500) for number in range(5)])

    assert await harness.fetch("SELECT count(*) FROM template_poster_results") == [(2500,)]
    assert set(await harness.jobs(COUNTS)) == {("queued", 500, 0, 0, 0)}


async def test_a_trace_goes_on_in_job_events(harness: SinkHarness) -> None:
    """The traceparent of the record that changed a job is that of the event which says so."""
    trace = (("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),)
    await harness.sink.process([replace(harness.topics.request("job"), headers=trace)])

    assert trace[0] in harness.announcements.records[0].headers
