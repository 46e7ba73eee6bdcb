"""Parts of a batch: any order and repetition is fine; posters of a part that contradicts an earlier one fail."""

from datetime import UTC, datetime
from itertools import permutations
from uuid import UUID, uuid4

import pytest
from msgspec import Raw

from agents.cancellations import Cancellations
from agents.intake import batch_parts
from agents.intake.batch_parts import BatchParts
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler
from schemas.codec import decode, encode
from schemas.outcomes import PosterOutcome
from schemas.renders import PosterPinned
from schemas.requests import BatchRequested
from schemas.templates import TemplateUploaded
from schemas.topics import POSTER_COMPLETIONS, POSTER_RENDERS, POSTER_RENDERS_BULK
from streams.delivery import Headers
from streams.replay import replayed
from tests.streams.deliveries import EPOCH, delivery

Outcome = dict[int, str]
VERSION = TemplateUploaded(
    event_id=uuid4(),
    occurred_at=EPOCH,
    command_id=uuid4(),
    template_id=UUID(int=7),
    section="s",
    template_version=1,
    name="s",
    is_active=False,
    html_sha256="0" * 64,
    width=100,
    height=100,
    output={},
    placeholders=[],
)


def part(number: int, first: int, count: int, *, parts: int = 3, total: int = 9, job: str = "job") -> BatchRequested:
    """Return a part of a batch."""
    return BatchRequested(
        event_id=uuid4(),
        occurred_at=EPOCH,
        job_id=job,
        template_id=str(UUID(int=7)),
        posters=[Raw(b'{"entity_id":"e"}')] * count,
        part=number,
        parts=parts,
        first_index=first,
        total_count=total,
    )


PARTS = [part(1, 0, 3), part(2, 3, 3), part(3, 6, 3)]


@pytest.fixture
def handler() -> RequestHandler:
    """A request handler whose catalog has one template."""
    catalog = Catalog()
    catalog.on_record(None, encode(VERSION))
    return RequestHandler(catalog, Cancellations(), lambda: datetime.now(UTC))


def handled(handler: RequestHandler, request: BatchRequested, headers: Headers = ()) -> Outcome:
    """Return what becomes of each poster: `rendered`, or the message of its failure."""
    found: Outcome = {}
    for record in handler.handle(request, delivery(1, headers=headers)):
        if record.topic in (POSTER_RENDERS, POSTER_RENDERS_BULK):
            found[decode(record.value, PosterPinned).poster_index] = "rendered"
        elif record.topic == POSTER_COMPLETIONS:
            failed = decode(record.value, PosterOutcome)
            assert failed.error is not None
            assert failed.error.code == "invalid_request"
            found[failed.poster_index] = failed.error.message
    return found


@pytest.mark.parametrize("order", list(permutations(PARTS)))
def test_parts_in_any_order_and_twice(handler: RequestHandler, order: tuple[BatchRequested, ...]) -> None:
    """Every poster is rendered, whatever the order of the parts, and again when a part is delivered again."""
    for request in (*order, *order):
        assert set(handled(handler, request).values()) == {"rendered"}


@pytest.mark.parametrize(
    ("late", "sentence", "failed"),
    [
        (part(2, 3, 3, total=20), "part 2 says that `total_count` is 20, but part 1 of this job said 9", {3, 4, 5}),
        (part(2, 3, 3, parts=4), "part 2 says that `parts` is 4, but part 1 of this job said 3", {3, 4, 5}),
        (part(2, 2, 3), "part 2 overlaps posters 0 to 2, which another part has requested", {3, 4}),
        (part(1, 3, 3), "part 1 was requested before, with posters 0 to 2", {3, 4, 5}),
        (part(1, 0, 2), "part 1 was requested before, with posters 0 to 2", set()),
    ],
)
def test_a_part_that_contradicts_the_first_fails(
    handler: RequestHandler, late: BatchRequested, sentence: str, failed: set[int]
) -> None:
    """Its posters fail with a sentence; those that the first part has requested are not touched, nor is the rest."""
    handled(handler, PARTS[0])
    for _ in range(2):
        assert handled(handler, late) == dict.fromkeys(failed, sentence)
    rest = handled(handler, PARTS[2])

    assert rest == dict.fromkeys(range(6, 9), "rendered")


def test_an_overlap_is_found_wherever_it_is(handler: RequestHandler) -> None:
    """A part that reaches over several others fails only for what lies between them."""
    handled(handler, part(2, 3, 1, parts=4))
    handled(handler, part(4, 6, 3, parts=4))
    over = handled(handler, part(1, 1, 8, parts=4))

    assert set(over) == {1, 2, 4, 5}


def test_a_replay_contradicts_nothing(handler: RequestHandler) -> None:
    """A replay requests some posters of a part, in a higher generation."""
    handled(handler, PARTS[1])
    again = handled(handler, part(2, 4, 1), replayed((), 1, "job/4"))

    assert again == {4: "rendered"}


def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The parts of the job that was used least recently are forgotten, and its contradictions with them."""
    monkeypatch.setattr(batch_parts, "CACHE_SIZE", 4)
    parts = BatchParts()
    for job in ("old", "young"):
        assert parts.add(part(1, 0, 3, job=job)) is None
        assert parts.add(part(2, 3, 3, job=job)) is None
    assert parts.add(part(1, 0, 3, job="new")) is None

    assert parts.add(part(3, 1, 3, job="young")) is not None
    assert parts.add(part(3, 1, 3, job="old")) is None
