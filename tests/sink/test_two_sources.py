"""Two sources on one cluster: what the sink does for one does nothing to the other."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from agents.sink.replays import Replays
from agents.storage.files import FileStore
from schemas.codec import decode, encode
from schemas.requests import BatchRequested, JobReplayRequested
from schemas.topics import POSTER_LOGS, POSTER_REPLAYS, POSTER_REQUESTS
from streams.delivery import Delivery
from streams.replay import generation_of, replayed
from tests.sink.conftest import SinkHarness
from tests.sink.test_erasures import Eraser, object_key
from tests.sink.topics import START, identity

STATE = "status, total_count, success_count, failure_count, cancelled_count"


def by(source: str | None, delivery: Delivery, *, partition: int | None = None) -> Delivery:
    """Return the same record as another source sends it, under a key of its choice."""
    body = orjson.loads(delivery.value or b"")
    body["source"] = source
    moved = delivery.partition if partition is None else partition
    return replace(delivery, value=orjson.dumps(body), key=b"any", partition=moved, offset=delivery.offset + 1000)


async def test_another_sources_request_changes_no_row(harness: SinkHarness) -> None:
    """Neither in the batch of the first one nor later; not the total, the data, or a poster's state."""
    topics, sink = harness.topics, harness.sink
    own = topics.request("job", custom_data={"text": "mine"})
    larger = by("evil", topics.batch("job", 1, part=2, parts=3, first_index=1, total_count=1200))
    await sink.process([own, by("evil", topics.request("job", custom_data={"text": "theirs"})), larger])
    await sink.process([larger])

    assert await harness.jobs("job_id, total_count, source") == [("job", 1, "site")]
    assert await harness.posters("poster_index, custom_data ->> 'text'") == [(0, "mine")]


async def test_another_sources_cancel_cancels_nothing(harness: SinkHarness) -> None:
    """Neither before the request nor after it."""
    topics, sink = harness.topics, harness.sink
    await sink.process([by("evil", topics.cancel("job"))])
    await sink.process([topics.request("job"), by("evil", topics.cancel("job", number=2))])
    await sink.process([by(None, topics.cancel("job", number=3))])

    assert harness.announcements.outcomes == []
    assert await harness.jobs("cancelled_up_to, cancel_requested_at") == [(None, None)]


async def test_a_generation_that_does_not_follow_writes_nothing(harness: SinkHarness) -> None:
    """The header of a request is the sender's: 2147483647 would be the last generation for good."""
    topics, sink = harness.topics, harness.sink
    request = topics.request("job")
    await sink.process([request, topics.completed("job")])
    await sink.process([replace(request, headers=replayed((), 2**31 - 1, "job/0"), offset=900)])
    await sink.process([replace(request, headers=replayed((), 1, "job/0"), offset=901)])

    assert await harness.posters("generation, status") == [(1, "queued")]


async def test_a_header_counts_only_where_it_is_accepted(harness: SinkHarness) -> None:
    """With the setting, generations are read from `poster-replays` alone."""
    topics = harness.topics
    sink = type(harness.sink)(harness.database, harness.announcements, harness.dead_letters, replay_header=False)
    request = topics.request("job")
    again = replace(request, headers=replayed((), 1, "job/0"), offset=900)
    await sink.process([request, topics.completed("job"), again])
    refused = await harness.posters("generation")
    await sink.process([replace(again, topic=POSTER_REPLAYS)])

    assert (refused, await harness.posters("generation")) == ([(0,)], [(1,)])


@pytest.fixture
async def eraser(harness: SinkHarness, tmp_path: Path) -> AsyncIterator[Eraser]:
    """An eraser on an empty database and directory."""
    store = FileStore(tmp_path)
    await store.open()
    eraser = Eraser(harness, store)
    yield eraser
    await eraser.database.close()
    await store.close()


@pytest.mark.parametrize("named", [{"job_id": "job"}, {"section": "campaign", "entity_id": "e"}])
@pytest.mark.parametrize("source", ["evil", None])
async def test_another_source_erases_nothing(eraser: Eraser, named: dict[str, Any], source: str | None) -> None:
    """Neither a job nor the posters of an entity; their objects stay, and the job can be requested again."""
    request = eraser.topics.request("job", entity_id="e", custom_data={"a": 1})
    await eraser.take(request)
    key = await eraser.complete("job", "e")
    await eraser.take(by(source, eraser.topics.erase(**named)))
    await eraser.erasures.sweep()

    assert await eraser.keys() == [key]
    assert await eraser.harness.posters("custom_data, erased_at") == [('{"a": 1}', None)]
    assert {answer.job_id for answer in eraser.answers} & {"job"} == set()
    assert await eraser.harness.fetch("SELECT erased_at FROM job_owners WHERE erased_at IS NOT NULL") == []


@pytest.mark.parametrize("named", [{"job_id": "mine"}, {"section": "campaign", "entity_id": "e"}])
async def test_an_object_that_another_source_needs_stays(eraser: Eraser, named: dict[str, Any]) -> None:
    """Equal posters of two sources share it; once both are erased it goes."""
    theirs = by("other", eraser.topics.request("theirs", entity_id="e"))
    await eraser.take(eraser.topics.request("mine", entity_id="e"), theirs)
    key = object_key("e", "shared")
    await eraser.put(key)
    image = {"name": "default", "url": "u", "object_key": key, "sha256": "ab" * 32, "size_bytes": 1}
    shared: dict[str, Any] = {
        "object_key": key,
        "images": [{**image, "width": 1, "height": 1, "format": "png"}],
        "entity_id": "e",
    }
    completed = eraser.topics.completed("theirs", **shared)
    await eraser.take(
        eraser.topics.completed("mine", **shared),
        replace(completed, value=(completed.value or b"").replace(b'"source":"site"', b'"source":"other"')),
    )
    await eraser.take(eraser.topics.erase(1, **named))
    await eraser.erasures.sweep()
    left = await eraser.keys()
    theirs_named = {"job_id": "theirs"} if "job_id" in named else named
    await eraser.take(by("other", eraser.topics.erase(2, **theirs_named)))
    await eraser.erasures.sweep()

    assert left == [key]
    assert await eraser.keys() == []
    assert {answer.job_id for answer in eraser.answers} == {"mine", "theirs"}


async def test_an_erased_job_is_never_recorded_to_be_made(eraser: Eraser) -> None:
    """However late its request comes, also after the rows and the erasure are gone: no data, and it is cancelled."""
    request = eraser.topics.request("job", entity_id="e", custom_data={"name": "Jane"})
    await eraser.take(request)
    await eraser.complete("job", "e")
    await eraser.take(eraser.topics.erase(job_id="job"))
    await eraser.erasures.sweep()
    await eraser.harness.fetch("DELETE FROM poster_erasures")
    await eraser.harness.fetch("DELETE FROM template_poster_results")
    await eraser.harness.fetch("DELETE FROM template_generation_jobs")
    eraser.harness.announcements.records.clear()
    await eraser.take(replace(request, offset=900))

    assert await eraser.harness.posters("custom_data") == [("{}",)]
    assert await eraser.harness.jobs("input_data") == [("{}",)]
    assert [outcome.status for outcome in eraser.harness.announcements.outcomes] == ["cancelled"]


async def test_a_request_from_before_the_erasure_is_recorded_as_it_is(eraser: Eraser) -> None:
    """Intake may know of the erasure first, and has the poster rendered: it ends, and is erased with its object."""
    request, erase = eraser.topics.request("job", entity_id="e"), eraser.topics.erase(job_id="job")
    await eraser.erasures.record([erase])
    await eraser.take(request)
    await eraser.erasures.sweep()
    waiting = (await eraser.harness.posters("status, erased_at"), eraser.harness.announcements.outcomes)
    await eraser.complete("job", "e")
    await eraser.erasures.sweep()

    assert waiting == ([("queued", None)], [])
    assert await eraser.keys() == []
    assert await eraser.harness.posters("status, custom_data, erased_at IS NOT NULL") == [("completed", "{}", True)]


async def test_an_erased_entity_stays_erased_in_jobs_of_others(eraser: Eraser) -> None:
    """The posters of the entity are remembered one by one; the others of their job are not."""
    posters = [{"entity_id": "e"}, {"entity_id": "f"}]
    await eraser.take(eraser.topics.batch("job", 2, posters=posters))
    await eraser.complete("job", "e", 0)
    await eraser.complete("job", "f", 1)
    await eraser.take(eraser.topics.erase(section="campaign", entity_id="e"))
    await eraser.erasures.sweep()

    assert await eraser.harness.fetch("SELECT job_id, poster_index FROM erased_posters") == [("job", 0)]


@pytest.mark.parametrize(
    ("owner", "is_shared", "erased"), [("site", False, True), ("other", True, True), ("other", False, False)]
)
async def test_previews_of_a_section_go_with_an_entity(
    eraser: Eraser, owner: str, is_shared: bool, erased: bool
) -> None:
    """They may show it, and nobody knows; only who may command the section erases them."""
    preview, real = object_key("preview", "draft"), object_key("preview", "poster")
    await eraser.put(preview)
    await eraser.take(by("other", eraser.topics.request("theirs", entity_id="preview")))
    await eraser.put(real)
    completed = eraser.topics.completed("theirs", entity_id="preview", object_key=real)
    await eraser.take(replace(completed, value=(completed.value or b"").replace(b'"site"', b'"other"')))
    await eraser.harness.fetch(
        "INSERT INTO template_sections (section, source, is_shared) VALUES ('campaign', $1, $2)", owner, is_shared
    )
    await eraser.take(eraser.topics.erase(section="campaign", entity_id="e"))
    await eraser.erasures.sweep()

    assert await eraser.keys() == ([real] if erased else sorted([preview, real]))


def replay_request(harness: SinkHarness, job_id: str, number: int, **fields: Any) -> Delivery:
    """Return a request to replay a job."""
    event = JobReplayRequested(
        event_id=identity("replay", number), occurred_at=START, job_id=job_id, **{"source": "site", **fields}
    )
    return harness.topics.record(POSTER_REQUESTS, job_id, encode(event))


async def test_a_site_replays_its_own_job(harness: SinkHarness) -> None:
    """Its ended posters are requested as they were, in the next generation, each once; no open ones."""
    topics, sink = harness.topics, harness.sink
    replays = Replays(harness.database, harness.announcements)
    posters = [{"entity_id": "a", "output": {"width": 7}}, {"entity_id": "b"}, {"entity_id": "c", "metadata": {"m": 1}}]
    await sink.process(
        [
            topics.batch("job", 3, posters=posters, output={"scale": 2}, strict=True),
            by("other", topics.request("theirs")),
            topics.completed("job", 0, entity_id="a"),
            topics.failed("job", 2, entity_id="c"),
            topics.completed("theirs"),
        ]
    )
    asked = [replay_request(harness, "job", 1), replay_request(harness, "theirs", 2)]
    await sink.process(asked)
    await replays.record(asked)
    harness.announcements.records.clear()
    count = await replays.sweep()
    records = [record for record in harness.announcements.records if record.topic == POSTER_REPLAYS]
    lines = [record for record in harness.announcements.records if record.topic == POSTER_LOGS]
    again = await replays.sweep()
    requests = [decode(record.value, BatchRequested) for record in records]

    assert (count, again, len(lines)) == (2, 0, 1)
    assert [generation_of(record.headers) for record in records] == [1, 1]
    assert [(request.first_index, request.total, request.source) for request in requests] == [
        (0, 3, "site"),
        (2, 3, "site"),
    ]
    assert [orjson.loads(bytes(request.posters[0])) for request in requests] == [
        {"entity_id": "a", "custom_data": {}, "metadata": {}, "output": {"width": 7}},
        {"entity_id": "c", "custom_data": {}, "metadata": {"m": 1}, "output": None},
    ]
    assert [(request.output, request.strict) for request in requests] == [({"scale": 2}, True)] * 2
    assert requests[0].template_id == "campaign@3"


async def test_a_repeated_replay_asks_for_no_further_generation(harness: SinkHarness) -> None:
    """Neither a crash before its row is deleted nor its request read again replays what has ended since."""
    topics, sink = harness.topics, harness.sink
    replays = Replays(harness.database, harness.announcements)
    await sink.process([topics.request("job"), topics.failed("job")])
    asked = replay_request(harness, "job", 1, failed_only=True)
    await replays.record([asked])
    (row,) = await harness.fetch(
        "SELECT event_id, job_id, source, failed_only, requested_at, created_at FROM poster_replays"
    )
    first = await replays.sweep()
    await sink.process([topics.failed("job", generation=1)])
    await harness.fetch("INSERT INTO poster_replays VALUES ($1, $2, $3, $4, $5, $6)", *row)

    assert (first, await replays.sweep()) == (1, 0)


async def test_one_poster_of_a_job_is_replayed_once_it_has_ended(harness: SinkHarness) -> None:
    """A site may know an outcome before the tables do; the others are left alone, and a repeat replays no more."""
    topics, sink = harness.topics, harness.sink
    replays = Replays(harness.database, harness.announcements)
    posters = [{"entity_id": "a"}, {"entity_id": "b"}]
    await sink.process([topics.batch("job", 2, posters=posters), topics.completed("job", 0, entity_id="a")])
    await replays.record([replay_request(harness, "job", 1, poster_index=1)])
    early = await replays.sweep()
    await sink.process([topics.completed("job", 1, entity_id="b")])
    harness.announcements.records.clear()
    count = await replays.sweep()
    records = [record for record in harness.announcements.records if record.topic == POSTER_REPLAYS]
    await sink.process([topics.completed("job", 1, entity_id="b", generation=1)])
    await replays.record([replay_request(harness, "job", 1, poster_index=1)])

    assert (early, count, await replays.sweep()) == (0, 1, 0)
    assert [
        (decode(record.value, BatchRequested).first_index, generation_of(record.headers)) for record in records
    ] == [(1, 1)]


async def test_a_replay_that_is_delivered_again_is_carried_out_once(harness: SinkHarness) -> None:
    """Also where the generation that it has led to has ended meanwhile."""
    topics, sink = harness.topics, harness.sink
    replays = Replays(harness.database, harness.announcements)
    await sink.process([topics.request("job"), topics.failed("job")])
    await replays.record([replay_request(harness, "job", 1)])
    first = await replays.sweep()
    await sink.process([topics.failed("job", generation=1)])
    await replays.record([replay_request(harness, "job", 1)])

    assert (first, await replays.sweep()) == (1, 0)


async def test_what_is_erased_is_not_replayed(eraser: Eraser) -> None:
    """Its data are gone, and it must not come back."""
    replays = Replays(eraser.database, eraser.harness.announcements)
    await eraser.take(eraser.topics.batch("job", 2, posters=[{"entity_id": "e"}, {"entity_id": "f"}]))
    await eraser.complete("job", "e", 0)
    await eraser.complete("job", "f", 1)
    await eraser.take(eraser.topics.erase(section="campaign", entity_id="e"))
    await eraser.erasures.sweep()
    await replays.record([replay_request(eraser.harness, "job", 1)])

    assert await replays.sweep() == 1


async def test_an_erasure_says_nothing_of_a_job_that_another_source_requests(eraser: Eraser) -> None:
    """Neither an event nor a cancellation stands under a job that was requested after the erasure was recorded."""
    topics = eraser.topics
    await eraser.take(by("evil", topics.erase(job_id="job")))
    await eraser.take(topics.request("job"), topics.completed("job"))
    for _ in range(2):
        await eraser.erasures.sweep()

    assert eraser.answers == []
    assert eraser.harness.announcements.cancellations == []
