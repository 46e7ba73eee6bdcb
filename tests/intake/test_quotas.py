"""What intake does with a request whose source has used up a quota."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from msgspec import Raw

from agents.cancellations import Cancellations
from agents.intake.admission import Admission, Admitted
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler
from agents.ownership import EarlyCancel, Grant
from agents.quotas import Allowance, CountedRequest, QuotaLimits, counted_request
from agents.settings import read_settings
from schemas.codec import decode, encode
from schemas.outcomes import PosterOutcome
from schemas.requests import BatchRequested, JobCancelRequested, PosterRequested
from schemas.templates import TemplateUploaded
from schemas.topics import POSTER_COMPLETIONS, POSTER_RENDERS
from streams.delivery import Delivery
from streams.errors import SettingsError
from streams.replay import replayed
from tests.agents.owners import OwnersInMemory
from tests.streams.deliveries import EPOCH, delivery

WHY = "used up"


class QuotasInMemory:
    """Allows the same of every request, and records what was counted."""

    def __init__(self, allowance: Allowance | None) -> None:
        self.allowance = allowance
        self.counted: list[CountedRequest] = []

    async def allow(self, requests: Sequence[CountedRequest]) -> list[Allowance | None]:
        """Return the allowances."""
        self.counted += requests
        return [self.allowance for _ in requests]


class Granting:
    """Grants everybody the same."""

    def __init__(self, grant: Grant) -> None:
        self.grant = grant

    async def claim(self, commands: Sequence[Any]) -> list[Grant]:
        """Return the grants."""
        return [self.grant for _ in commands]


def stamp() -> dict[str, Any]:
    """Return what every event carries."""
    return {"event_id": uuid4(), "occurred_at": EPOCH, "source": "shop", "job_id": "job"}


def batch(count: int, template_id: str = "cards_latest", **fields: Any) -> BatchRequested:
    """Return a request for so many posters."""
    return BatchRequested(**stamp(), template_id=template_id, posters=[Raw(b"{}")] * count, **fields)


def handler() -> RequestHandler:
    """Return a handler that knows the section `cards`."""
    catalog = Catalog()
    version = TemplateUploaded(
        event_id=uuid4(),
        occurred_at=EPOCH,
        command_id=uuid4(),
        section="cards",
        template_id=UUID(int=1),
        name="n",
        template_version=1,
        is_active=True,
        html_sha256="0" * 64,
        width=600,
        height=400,
        activations=[EPOCH],
    )
    catalog.on_record(b"cards@1", encode(version))
    return RequestHandler(catalog, Cancellations(), lambda: datetime(2026, 6, 1, tzinfo=UTC))


@pytest.mark.parametrize("first", [0, 5])
def test_the_first_posters_of_a_request_are_made_and_the_others_fail(first: int) -> None:
    """They are those with the lowest indexes, whichever part of a batch it is; the error says why."""
    asked = batch(
        3, first_index=first, total_count=first + 3, part=1 if first == 0 else 2, parts=1 if first == 0 else 2
    )
    records = list(handler().handle(asked, delivery(0), allowance=Allowance(posters=2, reason=WHY)))
    failed = [decode(record.value, PosterOutcome) for record in records if record.topic == POSTER_COMPLETIONS]

    assert sum(record.topic == POSTER_RENDERS for record in records) == 2
    assert [(each.poster_index, each.error and (each.error.code, each.error.message)) for each in failed] == [
        (first + 2, ("quota", WHY))
    ]
    assert failed[0].error is not None
    assert not failed[0].error.retryable


def test_a_request_of_which_nothing_is_made_waits_for_no_template() -> None:
    """Its posters fail with `quota` at once, although the template is unknown."""
    records = list(handler().handle(batch(2, "new_latest"), delivery(0), allowance=Allowance(posters=0, reason=WHY)))
    outcomes = [decode(record.value, PosterOutcome) for record in records if record.topic == POSTER_COMPLETIONS]

    assert [each.error.code for each in outcomes if each.error] == ["quota", "quota"]


async def test_posters_of_the_owner_s_requests_are_counted_and_nothing_else() -> None:
    """Not a cancel, not what cannot be read, and not a request of a job that is another source's."""
    quotas = QuotasInMemory(Allowance(posters=1, reason=WHY))
    events = [batch(3), JobCancelRequested(**stamp()), replace(batch(2), job_id="theirs")]
    deliveries = [delivery(number, value=encode(event)) for number, event in enumerate(events)]
    broken = delivery(9, value=b'{"type":"poster.requested","version":1,"job_id":"job","template_id":5}')
    owners = OwnersInMemory(job="shop", theirs="bank")
    decisions = await Admission(owners, quotas=quotas).admit([*deliveries, broken])

    assert [(each.source, each.posters, each.day) for each in quotas.counted] == [("shop", 3, date(2026, 1, 1))]
    assert [each.allowance for each in decisions if isinstance(each, Admitted)] == [quotas.allowance, None]


@pytest.mark.parametrize(
    "grant",
    [
        Grant(erased_at=EPOCH - timedelta(days=1)),
        Grant(early_cancel=EarlyCancel(event_id=UUID(int=1), requested_at=EPOCH, reason=None)),
    ],
)
async def test_a_request_of_which_nothing_can_be_made_does_not_count(grant: Grant) -> None:
    """Its job is erased, or was cancelled before it came."""
    quotas = QuotasInMemory(None)
    await Admission(Granting(grant), quotas=quotas).admit([delivery(0, value=encode(batch(3)))])

    assert quotas.counted == []


def test_a_request_is_known_by_its_bytes_and_not_by_an_id_of_its_sender() -> None:
    """The same bytes count once, from any offset; other posters under the same ids count again, and a replay too."""
    asked = batch(1)

    def identity(event: BatchRequested, **fields: Any) -> UUID:
        return counted_request(event, delivery(value=encode(event), **{"offset": 0, **fields})).request

    other = replace(asked, posters=[Raw(b'{"entity_id":"other"}')])

    assert identity(asked) == identity(asked, offset=7, partition=3)
    assert identity(asked) != identity(other)
    assert identity(asked) != identity(asked, headers=replayed((), 1, "job/0"))


def test_the_day_is_that_of_the_record_in_utc() -> None:
    """Whatever time the event itself names, so a redelivered record counts on its own day."""
    value = encode(PosterRequested(**stamp(), template_id="cards_latest", custom_data={}))
    late = Delivery(
        topic="poster-requests",
        partition=0,
        offset=0,
        timestamp=datetime.fromisoformat("2026-03-02T01:00:00+02:00"),
        key=b"k",
        value=value,
    )

    assert counted_request(decode(value, PosterRequested), late).day == date(2026, 3, 1)


def test_sources_without_a_number_have_that_of_the_star_or_none() -> None:
    """Requests without a source are such a source too."""
    limits = QuotaLimits(posters={"shop": 5, "*": 2}, bytes={"shop": 100})

    assert [limits.of("posters", source) for source in ("shop", "blog", None)] == [5, 2, 2]
    assert [limits.of("bytes", source) for source in ("shop", "blog", None)] == [100, None, None]
    assert not QuotaLimits(posters={}, bytes={}).are_set


def test_quotas_are_read_from_the_settings() -> None:
    """As pairs, like weights; a source may have `=` in its name."""
    settings = read_settings({"POSTERS_QUOTA_POSTERS": "shop=1000, a=b=5,*=0", "POSTERS_QUOTA_BYTES": ""})

    assert settings.poster_quotas == {"shop": 1000, "a=b": 5, "*": 0}
    assert settings.byte_quotas == {}


@pytest.mark.parametrize("value", ["shop", "shop=", "=5", "shop=-1", "shop=1.5", "shop=1e9", "shop=1" + "0" * 15])
@pytest.mark.parametrize("name", ["POSTERS_QUOTA_POSTERS", "POSTERS_QUOTA_BYTES"])
def test_what_is_no_quota_is_refused(name: str, value: str) -> None:
    """The error names the setting and shows how it is written."""
    with pytest.raises(SettingsError, match=rf"{name}: .*shop=1000"):
        read_settings({name: value})


def test_quotas_name_a_bounded_number_of_sources() -> None:
    """Because each has a label of its own in the metrics."""
    with pytest.raises(SettingsError, match="has 51 sources"):
        read_settings({"POSTERS_QUOTA_POSTERS": ",".join(f"s{number}=1" for number in range(51))})
