"""Erasures are complete, also for posters in progress, and touch nothing else."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agents.render.erased_posters import ErasedPostersTable
from agents.sink.database import sink_database
from agents.sink.erasures import Erasures
from agents.storage.files import FileStore
from agents.storage.port import ObjectMetadata, ObjectStore
from agents.storage.s3 import S3Store
from schemas.outcomes import PosterOutcome
from streams.delivery import Delivery
from tests.parts import Bucket
from tests.sink.conftest import SinkHarness
from tests.sink.topics import identity

DATA = {"name": "Jane"}


class Eraser:
    """The erasures of a harness, its store, and shortcuts to both."""

    def __init__(self, harness: SinkHarness, store: ObjectStore) -> None:
        self.harness = harness
        self.topics = harness.topics
        self.store = store
        self.database = sink_database(harness.url)
        self.erasures = Erasures(self.database, store, harness.announcements)

    async def take(self, *deliveries: Delivery) -> None:
        """Do with records what the role does before it acknowledges them."""
        await self.harness.sink.process(deliveries)
        await self.erasures.record(deliveries)

    async def complete(self, job: str, entity: str = "e", index: int = 0, **fields: Any) -> str:
        """Record a completed poster with an object, and return its key."""
        key = object_key(entity, f"{job}/{index}")
        await self.put(key)
        image = {"name": "default", "url": "u", "object_key": key, "sha256": "ab" * 32, "size_bytes": 1}
        images = [{**image, "width": 1, "height": 1, "format": "png"}]
        await self.take(self.topics.completed(job, index, entity_id=entity, object_key=key, images=images, **fields))
        return key

    async def put(self, key: str) -> None:
        """Put an object there."""
        await self.store.put(
            key, b"x", "image/png", ObjectMetadata(sha256=hashlib.sha256(b"x").hexdigest(), width=1, height=1)
        )

    async def keys(self) -> list[str]:
        """Return all keys."""
        return sorted([key async for key in self.store.keys("templates/")])

    @property
    def answers(self) -> list[PosterOutcome]:
        """Return what was published about erased posters."""
        return [outcome for outcome in self.harness.announcements.outcomes if outcome.status == "erased"]


def object_key(entity: str, of: str, section: str = "campaign") -> str:
    """Return a key as the render role makes them."""
    return f"templates/{section}/{entity}_{hashlib.sha256(of.encode()).hexdigest()}.png"


@pytest.fixture(params=["files", "s3"])
async def eraser(harness: SinkHarness, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Eraser]:
    """An eraser on an empty database and an empty store."""
    if request.param == "files":
        store: ObjectStore = FileStore(tmp_path)
    else:
        bucket: Bucket = request.getfixturevalue("bucket")
        store = S3Store(bucket.name, "")
    await store.open()
    eraser = Eraser(harness, store)
    yield eraser
    await eraser.database.close()
    await store.close()


async def test_a_job_is_erased_and_answered(eraser: Eraser) -> None:
    """Objects go, custom_data and input_data are emptied, every poster is answered for, and another job keeps all."""
    posters = [{"entity_id": "e", "custom_data": DATA, "metadata": {"row": 1}}, {"entity_id": "f", "custom_data": DATA}]
    await eraser.take(
        eraser.topics.batch("job", 2, posters=posters, output={"width": 7}),
        eraser.topics.request("other", custom_data=DATA),
    )
    await eraser.complete("job", "e", 0)
    await eraser.take(eraser.topics.failed("job", 1, entity_id="f"))
    other = await eraser.complete("other", "e")
    await eraser.take(eraser.topics.erase(job_id="job"))
    erased = await eraser.erasures.sweep()

    assert (erased, await eraser.keys()) == (2, [other])
    assert await eraser.harness.posters("job_id, custom_data, status") == [
        ("job", "{}", "completed"),
        ("job", "{}", "failed"),
        ("other", '{"name": "Jane"}', "completed"),
    ]
    assert [row == ("{}",) for row in await eraser.harness.jobs("input_data")] == [True, False]
    assert [(answer.job_id, answer.poster_index, answer.entity_id, answer.source) for answer in eraser.answers] == [
        ("job", 0, "e", "site"),
        ("job", 1, "f", "site"),
    ]
    assert eraser.answers[0].metadata == {"row": 1}


async def test_an_entity_is_erased_in_its_section_alone(eraser: Eraser) -> None:
    """Every object of the entity goes, known or not; entities and sections whose names begin alike keep theirs."""
    await eraser.take(eraser.topics.request("a", entity_id="e"), eraser.topics.request("b", entity_id="e"))
    await eraser.complete("a", "e")
    await eraser.complete("b", "e")
    strays = [object_key("e", "of a cancelled poster"), object_key("e", "of a preview")]
    others = [
        object_key("e_2", "x"),
        object_key("e", "x", section="campaign-2"),
        object_key("ee", "x"),
        f"templates/campaign/e_{'a' * 64}_{'b' * 64}.png",
    ]
    for key in (*strays, *others):
        await eraser.put(key)
    await eraser.take(eraser.topics.erase(section="campaign", entity_id="e"))
    await eraser.erasures.sweep()

    assert await eraser.keys() == sorted(others)
    assert {row[0] for row in await eraser.harness.posters("custom_data")} == {"{}"}
    assert {answer.job_id for answer in eraser.answers} == {"a", "b"}


async def test_a_poster_in_progress_is_erased_once_it_has_ended(eraser: Eraser) -> None:
    """The erasure waits for its outcome and then covers it, whichever answer was published before."""
    await eraser.take(eraser.topics.request("job"), eraser.topics.processing("job"), eraser.topics.erase(job_id="job"))
    before = await eraser.erasures.sweep()
    answered = list(eraser.answers)
    await eraser.complete("job")
    after = await eraser.erasures.sweep()

    assert (before, answered, after, await eraser.keys()) == (0, [], 1, [])
    assert await eraser.harness.posters("custom_data") == [("{}",)]
    assert len(eraser.answers) == 1


async def test_later_requests_stay(eraser: Eraser) -> None:
    """A poster of the entity requested after the erasure keeps its data and its object."""
    await eraser.take(eraser.topics.request("old", entity_id="e"))
    await eraser.complete("old", "e")
    await eraser.take(
        eraser.topics.erase(section="campaign", entity_id="e"), eraser.topics.request("new", entity_id="e")
    )
    new = await eraser.complete("new", "e")
    await eraser.erasures.sweep()
    await eraser.erasures.sweep()

    assert await eraser.keys() == [new]
    assert await eraser.harness.posters("job_id, custom_data <> '{}'") == [("new", True), ("old", False)]


async def test_a_request_that_comes_late_brings_no_data_back(eraser: Eraser) -> None:
    """The request of an erased poster, read after its outcome, does not write its data again."""
    request = eraser.topics.request("job", entity_id="e", custom_data=DATA)
    await eraser.complete("job", "e")
    await eraser.take(eraser.topics.erase(section="campaign", entity_id="e"))
    await eraser.erasures.sweep()
    await eraser.take(request)

    assert await eraser.harness.posters("custom_data, requested_at IS NULL") == [("{}", False)]


@pytest.mark.parametrize(
    "named",
    [{"job_id": "nobody"}, {"section": "campaign", "entity_id": "nobody"}, {"section": "../..", "entity_id": "nobody"}],
)
async def test_an_erasure_of_the_unknown_is_answered(eraser: Eraser, named: dict[str, Any]) -> None:
    """Nothing to erase gives one answer, and only one."""
    stray = object_key("nobody", "stray")
    await eraser.put(stray)
    await eraser.take(eraser.topics.erase(**named))
    for _ in range(2):
        await eraser.erasures.sweep()

    assert [answer.entity_id for answer in eraser.answers] == [named.get("entity_id", "unknown")]
    assert (await eraser.keys() == []) == (named.get("section") == "campaign")


async def test_a_redelivered_or_interrupted_erasure_is_the_same(eraser: Eraser) -> None:
    """After a crash anywhere in between, everything is repeated, with events of the same ids."""
    erase = eraser.topics.erase(job_id="job")
    await eraser.take(eraser.topics.request("job"))
    await eraser.complete("job")
    await eraser.take(erase, erase)
    eraser.harness.announcements.refusals = 1
    interrupted = await eraser.erasures.sweep()
    left = await eraser.harness.posters("custom_data = '{}', erased_at IS NOT NULL")
    await eraser.erasures.sweep()
    await eraser.take(erase)
    await eraser.erasures.sweep()

    assert interrupted == 0
    assert left == [(True, False)]
    assert await eraser.harness.posters("custom_data = '{}', erased_at IS NOT NULL") == [(True, True)]
    assert len({answer.event_id for answer in eraser.answers}) == 1


@pytest.mark.parametrize(("ended", "cancellations"), [(2, [("job", 1)]), (1, [])], ids=["ended", "in progress"])
async def test_an_erased_job_is_not_rendered_again(
    eraser: Eraser, ended: int, cancellations: list[tuple[str, int]]
) -> None:
    """Once all its posters have ended, the job is on `job-cancellations`, replays included."""
    await eraser.take(eraser.topics.batch("job", 2, posters=[{"entity_id": "e"}, {"entity_id": "f"}]))
    for index in range(ended):
        await eraser.complete("job", "ef"[index], index, generation=index)
    await eraser.take(eraser.topics.erase(job_id="job"))
    await eraser.erasures.sweep()

    assert eraser.harness.announcements.cancellations == cancellations


async def test_an_erasure_that_fails_holds_up_no_other(eraser: Eraser) -> None:
    """The next one is carried out in the same sweep, and the first in the next."""
    for number, job in enumerate(("first", "second")):
        await eraser.take(eraser.topics.request(job))
        await eraser.complete(job, entity=job)
        await eraser.take(eraser.topics.erase(number, job_id=job))
    eraser.harness.announcements.refusals = 1
    counts = [await eraser.erasures.sweep(), await eraser.erasures.sweep()]

    assert counts == [1, 1]
    assert {answer.job_id for answer in eraser.answers} == {"first", "second"}


async def test_an_erasure_is_recorded_for_a_day(eraser: Eraser) -> None:
    """It is deleted once it is answered and a day old, not sooner."""
    await eraser.take(eraser.topics.erase(job_id="nobody"))
    await eraser.erasures.sweep()
    left = await eraser.harness.fetch("SELECT requested_at < now() - interval '1 day' FROM poster_erasures")

    # The records of these tests are from March.
    assert left == []
    assert await eraser.erasures.sweep() == 0


async def test_data_that_names_the_event_is_no_request_to_erase(eraser: Eraser) -> None:
    """A poster whose text is the name of the event is a poster."""
    await eraser.take(eraser.topics.request("job", custom_data={"text": "poster.erase_requested"}))

    assert await eraser.harness.fetch("SELECT * FROM poster_erasures") == []
    assert identity("erase", 1) not in [row[0] for row in await eraser.harness.posters("event_id")]


async def test_render_learns_what_was_erased(eraser: Eraser) -> None:
    """Erased by entity: its poster is not rendered again, and another of the job is."""
    posters = [{"entity_id": "e", "custom_data": DATA}, {"entity_id": "f", "custom_data": DATA}]
    await eraser.take(eraser.topics.batch("job", 2, posters=posters))
    await eraser.complete("job", "e", 0)
    await eraser.complete("job", "f", 1)
    await eraser.take(eraser.topics.erase(section="campaign", entity_id="e"))
    await eraser.erasures.sweep()
    erased = ErasedPostersTable(eraser.database)

    assert [await erased.contains("job", index) for index in (0, 1)] == [True, False]
