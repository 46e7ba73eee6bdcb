"""Which requests intake handles, which it answers, and which become dead letters without a word."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from msgspec import Raw

from agents.cancellations import Cancellations
from agents.intake.admission import Admission, Admitted, Rejected
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler
from agents.ownership import EarlyCancel, Grant, JobCommand
from schemas.codec import decode, encode
from schemas.envelope import Envelope
from schemas.outcomes import PosterOutcome
from schemas.renders import JobCancellation, PosterPinned
from schemas.requests import (
    BatchRequested,
    JobCancelRequested,
    JobReplayRequested,
    PosterEraseRequested,
    PosterRequested,
)
from schemas.templates import Placeholder, TemplateUploaded
from schemas.topics import JOB_CANCELLATIONS, POSTER_COMPLETIONS, POSTER_RENDERS, POSTER_REPLAYS
from streams.delivery import Delivery, Headers, Record
from streams.replay import replayed
from tests.agents.owners import OwnersInMemory
from tests.streams.deliveries import EPOCH, delivery

HOSTILE = 2**31 - 1


class Fixed:
    """Grants the same to everybody, and keeps what was asked."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant
        self.commands: list[JobCommand] = []

    async def claim(self, commands: Sequence[JobCommand]) -> list[Grant]:
        """Return the grants."""
        self.commands += commands
        return [self.grant for _ in commands]


def request(source: str | None = "evil", **fields: Any) -> PosterRequested:
    """Return a request for one poster of the job that the shop owns."""
    return PosterRequested(
        **stamp(source), job_id="job", template_id="cards_latest", **{"custom_data": {"title": "x"}, **fields}
    )


def stamp(source: str | None) -> dict[str, Any]:
    """Return what every event carries."""
    return {"event_id": uuid4(), "occurred_at": EPOCH, "source": source}


def requests_of_a_stranger() -> list[Envelope]:
    """Return everything that a source may ask of a job."""
    batch = BatchRequested(**stamp("evil"), job_id="job", template_id="x_latest", posters=[Raw(b"{}")])
    return [
        request(),
        batch,
        JobCancelRequested(**stamp("evil"), job_id="job"),
        JobReplayRequested(**stamp("evil"), job_id="job"),
        PosterEraseRequested(**stamp("evil"), job_id="job"),
    ]


async def admit(owners: Any, *deliveries: Delivery, replay_header: bool = True) -> list[Admitted | Rejected]:
    """Return the decisions on records."""
    return await Admission(owners, replay_header=replay_header).admit(deliveries)


@pytest.mark.parametrize("event", requests_of_a_stranger(), ids=lambda event: event.type)
async def test_nothing_of_another_sources_job_is_handled_or_answered(event: Envelope) -> None:
    """Whatever it asks for, it becomes a dead letter that says so."""
    (decision,) = await admit(OwnersInMemory(job="shop"), delivery(0, value=encode(event)))

    assert isinstance(decision, Rejected)
    assert (decision.reason, decision.answered) == ("source_mismatch", False)
    assert decision.error.startswith("source_mismatch: job `job` belongs to the source `shop`")


@pytest.mark.parametrize("source", [b'"source":"evil",', b"", b'"source":5,'])
async def test_an_unreadable_request_is_answered_to_the_jobs_owner_alone(source: bytes) -> None:
    """What can be read of it has to be the owner's: otherwise a broken record would end somebody else's poster."""
    broken = b'{"type":"poster.requested","version":1,%b"job_id":"job","template_id":5}' % source
    (foreign,) = await admit(OwnersInMemory(job="shop"), delivery(0, value=broken))
    owner = "evil" if b"evil" in source else None
    (own,) = await admit(OwnersInMemory(job=owner), delivery(0, value=broken))
    (new,) = await admit(OwnersInMemory(), delivery(0, value=broken))

    assert [(each.reason, each.answered) for each in (foreign, own, new) if isinstance(each, Rejected)] == [
        ("source_mismatch", False),
        ("invalid_request", True),
        ("invalid_request", True),
    ]


async def test_an_unreadable_request_claims_the_job_that_it_is_answered_for() -> None:
    """Its answer is an outcome, so the job is its sender's from then on."""
    owners = OwnersInMemory()
    broken = b'{"type":"poster.requested","version":1,"source":"shop","job_id":"job","template_id":5}'
    (_, second) = await admit(owners, delivery(0, value=broken), delivery(1, value=encode(request())))

    assert owners.owners == {"job": "shop"}
    assert isinstance(second, Rejected)


async def test_records_of_no_job_ask_nobody() -> None:
    """An erasure by entity and bytes that are no event need no owner."""
    owners = Fixed(Grant())
    erase = PosterEraseRequested(**stamp("evil"), section="x", entity_id="e")
    decisions = await admit(owners, delivery(0, value=encode(erase)), delivery(1, value=b"x"))

    assert owners.commands == []
    assert [type(each) for each in decisions] == [Admitted, Rejected]
    assert [each.answered for each in decisions if isinstance(each, Rejected)] == [False]


def replay(generation: int, **fields: Any) -> Delivery:
    """Return a request of its owner with a generation."""
    headers: Headers = replayed((), generation, "job/0")
    return delivery(0, value=encode(request("shop")), headers=headers, **fields)


@pytest.mark.parametrize(("generation", "counts"), [(1, True), (2, True), (3, True), (4, False), (HOSTILE, False)])
async def test_a_generation_counts_where_it_follows_the_recorded_one(generation: int, counts: bool) -> None:
    """A redelivery of an older one does no harm; what is beyond the next does nothing, with no answer."""
    for each in (replay(generation), replay(generation, topic=POSTER_REPLAYS)):
        (decision,) = await admit(Fixed(Grant(recorded=2)), each)

        assert isinstance(decision, Admitted) == counts
        if isinstance(decision, Rejected):
            assert (decision.reason, decision.answered) == ("replay_refused", False)


async def test_the_header_on_requests_can_be_refused() -> None:
    """Then only what roles and operators write counts."""
    owners = Fixed(Grant(recorded=2))
    (header,) = await admit(owners, replay(3), replay_header=False)
    (topic,) = await admit(owners, replay(3, topic=POSTER_REPLAYS), replay_header=False)

    assert isinstance(header, Rejected)
    assert isinstance(topic, Admitted)


async def test_an_unreadable_replay_of_a_wrong_generation_is_not_answered() -> None:
    """Its failure would be the outcome of that generation."""
    broken = b'{"type":"poster.requested","version":1,"source":"shop","job_id":"job","template_id":5}'
    each = delivery(0, value=broken, headers=replayed((), HOSTILE, "job/0"))
    (decision,) = await admit(Fixed(Grant()), each)
    may_answer = await Admission(Fixed(Grant())).may_answer(each)

    assert isinstance(decision, Rejected)
    assert not decision.answered
    assert not may_answer


@pytest.mark.parametrize(
    ("grant", "answer"), [(Grant(), True), (Grant(standing="foreign"), False), (Grant(standing="unknown"), False)]
)
async def test_a_poison_message_is_answered_to_its_owner_alone(grant: Grant, answer: bool) -> None:
    """As any other failure."""
    assert await Admission(Fixed(grant)).may_answer(delivery(0, value=encode(request()))) == answer


def catalog_with(*, owner: str | None = None, private: bool = False) -> Catalog:
    """Return a catalog with one version of the section `cards`."""
    version = TemplateUploaded(
        event_id=uuid4(),
        occurred_at=EPOCH,
        command_id=uuid4(),
        section="cards",
        template_id=uuid4(),
        name="cards",
        template_version=1,
        is_active=True,
        html_sha256="0" * 64,
        width=600,
        height=400,
        placeholders=[Placeholder(name="title")],
        activations=[EPOCH],
        owner=owner,
        private=private,
    )
    catalog = Catalog()
    catalog.on_record(b"cards@1", encode(version))
    return catalog


def handled(grant: Grant, event: Any, *, headers: Headers = ()) -> list[Record]:
    """Return what intake publishes for an admitted request."""
    handler = RequestHandler(catalog_with(), Cancellations(), lambda: datetime(2026, 6, 1, tzinfo=UTC))
    return list(handler.handle(event, delivery(0, headers=headers), grant=grant))


def of(records: list[Record], topic: str) -> list[Record]:
    """Return the records of a topic."""
    return [record for record in records if record.topic == topic]


def test_an_early_cancel_of_the_owner_cancels_the_request() -> None:
    """Once the job's owner is known it is published, and nothing is rendered; a replay is not cancelled."""
    early = Grant(early_cancel=EarlyCancel(event_id=uuid4(), requested_at=EPOCH, reason="enough"))
    records = handled(early, request("shop"))
    again = handled(early, request("shop"), headers=replayed((), 1, "job/0"))

    assert [record.topic for record in records] == [JOB_CANCELLATIONS]
    assert decode(records[0].value, JobCancellation).reason == "enough"
    assert of(again, JOB_CANCELLATIONS) == []


def test_a_cancel_of_an_unknown_job_publishes_nothing() -> None:
    """Whether it is in force depends on who requests the job."""
    assert handled(Grant(standing="unknown"), JobCancelRequested(**stamp("evil"), job_id="job")) == []


def test_what_is_erased_is_not_rendered() -> None:
    """A whole job, in any generation, or those of its posters that are erased."""
    batch = BatchRequested(
        **stamp("shop"), job_id="job", template_id="cards_latest", posters=[Raw(b'{"custom_data":{"title":"x"}}')] * 3
    )
    whole = Grant(erased_at=EPOCH - timedelta(seconds=1))
    some = handled(Grant(erased_indexes=frozenset({0, 2})), batch)

    assert handled(whole, batch) == handled(whole, batch, headers=replayed((), 1, "job/0")) == []
    assert [decode(record.value, PosterPinned).poster_index for record in of(some, POSTER_RENDERS)] == [1]


def test_what_was_requested_before_it_was_erased_is_rendered_once_more_or_not_at_all() -> None:
    """A request that is handled late has its outcome, which the erasure waits for, unless it is carried out by now."""
    late, carried_out = Grant(erased_at=EPOCH), Grant(erased_at=EPOCH, erased_indexes=frozenset({0}))

    assert len(of(handled(late, request("shop")), POSTER_RENDERS)) == 1
    assert handled(carried_out, request("shop")) == []


@pytest.mark.parametrize(("source", "found"), [("shop", True), ("evil", False), (None, False)])
def test_a_private_section_is_found_by_its_owner_alone(source: str | None, found: bool) -> None:
    """The poster of another source fails as if the template did not exist."""
    handler = RequestHandler(
        catalog_with(owner="shop", private=True), Cancellations(), lambda: datetime(2026, 6, 1, tzinfo=UTC)
    )
    event = PosterRequested(**stamp(source), job_id="job", template_id="cards_latest", custom_data={"title": "x"})
    records = list(handler.handle(event, delivery(0)))
    outcomes = [decode(record.value, PosterOutcome) for record in of(records, POSTER_COMPLETIONS)]

    assert bool(of(records, POSTER_RENDERS)) == found
    assert [outcome.error.code for outcome in outcomes if outcome.error] == ([] if found else ["template_not_found"])
