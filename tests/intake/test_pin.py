"""Which version a request means, and what is refused before any browser."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from agents.cancellations import Cancellations
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler, UnknownTemplateError
from schemas.codec import decode, encode
from schemas.outcomes import PosterOutcome
from schemas.progress import LogRecorded
from schemas.references import Latest, Numbered
from schemas.renders import PosterPinned
from schemas.requests import PosterRequested
from schemas.templates import Placeholder, TemplateUploaded
from streams.delivery import Record
from tests.streams.deliveries import EPOCH, delivery

FIRST, SECOND = UUID(int=1), UUID(int=2)


def uploaded(template_id: UUID, version: int, *activations: int, archived: int | None = None) -> bytes:
    """Return a catalog record; times are seconds after the epoch of the tests."""
    return encode(
        TemplateUploaded(
            event_id=uuid4(),
            occurred_at=EPOCH,
            command_id=uuid4(),
            section="s",
            template_id=template_id,
            name="n",
            template_version=version,
            is_active=bool(activations),
            html_sha256="0" * 64,
            width=600,
            height=400,
            placeholders=[Placeholder(name="title"), Placeholder(name="note", required=False)],
            activations=[EPOCH + timedelta(seconds=second) for second in activations],
            archived_at=None if archived is None else EPOCH + timedelta(seconds=archived),
        )
    )


@pytest.fixture
def catalog() -> Catalog:
    """Version 1 active from 10 s and again from 30 s, version 2 from 20 s."""
    catalog = Catalog()
    catalog.on_record(b"s@1", uploaded(FIRST, 1, 10, 30))
    catalog.on_record(b"s@2", uploaded(SECOND, 2, 20))
    return catalog


@pytest.mark.parametrize(
    ("second", "version"), [(10, FIRST), (19, FIRST), (20, SECOND), (29, SECOND), (30, FIRST), (99, FIRST)]
)
def test_latest_is_the_newest_activation_not_after_the_request(catalog: Catalog, second: int, version: UUID) -> None:
    """The same request means the same version, however late it is read again."""
    found = catalog.find(Latest("s"), EPOCH + timedelta(seconds=second))

    assert (found.template_id if found else None) == version


@pytest.mark.parametrize("second", [9, -86_400, -(10**9)])
def test_a_producer_with_a_slow_clock_means_the_first_activation(catalog: Catalog, second: int) -> None:
    """Its requests seem to come before the template: they mean the same version whatever is activated later."""
    at = EPOCH + timedelta(seconds=second)
    found = [catalog.find(Latest("s"), at)]
    catalog.on_record(b"s@3", uploaded(UUID(int=3), 3, 40))
    catalog.on_record(b"s@2", uploaded(SECOND, 2, 20, 50))
    found.append(catalog.find(Latest("s"), at))

    assert [each.template_id if each else None for each in found] == [FIRST, FIRST]


def test_a_section_without_activations_has_no_latest(catalog: Catalog) -> None:
    """A version that was never active is not found by a slow clock either."""
    catalog.on_record(b"t@1", uploaded(UUID(int=4), 1).replace(b'"section":"s"', b'"section":"t"'))

    assert catalog.find(Latest("t"), EPOCH) is None


def test_an_archived_version_is_gone_for_later_requests_only(catalog: Catalog) -> None:
    """A request that came before the archiving still finds it."""
    catalog.on_record(b"s@2", uploaded(SECOND, 2, 20, archived=25))

    assert catalog.find(Numbered("s", 2), EPOCH + timedelta(seconds=24)) is not None
    assert catalog.find(Numbered("s", 2), EPOCH + timedelta(seconds=25)) is None


def request(**fields: Any) -> PosterRequested:
    """Return a request for version 1."""
    given = {"job_id": "j", "template_id": "s@1", "custom_data": {"title": "x"}, **fields}
    return PosterRequested(event_id=uuid4(), occurred_at=EPOCH, **given)


def handle(catalog: Catalog, asked: PosterRequested, *, final: bool = False) -> list[Record]:
    """Return the records that answer a request."""
    handler = RequestHandler(catalog, Cancellations(), lambda: datetime(2026, 6, 1, tzinfo=UTC))
    return list(handler.handle(asked, delivery(0), final=final))


def test_a_pinned_poster_says_all_that_rendering_needs(catalog: Catalog) -> None:
    """Version, resolved output and digest are in the event; equal input has an equal digest, other input another."""

    def pinned(**fields: Any) -> PosterPinned:
        return decode(handle(catalog, request(**fields))[-1].value, PosterPinned)

    poster, equal = pinned(), pinned(job_id="another", entity_id="other")

    assert poster.template_version_id == FIRST
    assert (poster.output.width, poster.output.height, poster.output.format) == (600, 400, "png")
    assert poster.input_digest == equal.input_digest
    assert poster.input_digest != pinned(custom_data={"title": "y"}).input_digest
    assert poster.input_digest != pinned(output={"format": "jpeg"}).input_digest
    assert poster.event_id == pinned().event_id


def test_the_broker_lane_follows_the_priority(catalog: Catalog) -> None:
    """Bulk posters go to the bulk topic."""
    assert handle(catalog, request(priority="bulk"))[-1].topic == "poster-renders-bulk"
    assert handle(catalog, request())[-1].topic == "poster-renders"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"custom_data": {}}, "template_data"),
        ({"deadline": EPOCH}, "expired"),
        ({"output": {"format": "gif"}}, "output_invalid"),
        ({"output": {"format": "jpeg", "transparent": True}}, "output_invalid"),
        ({"output": {"width": 8192, "height": 8000}}, "dimension_limit"),
        ({"template_id": "no such form"}, "template_not_found"),
    ],
)
def test_what_cannot_be_made_fails_before_any_browser(catalog: Catalog, fields: dict[str, Any], code: str) -> None:
    """The outcome is stated at once, and nothing is sent to be rendered."""
    records = handle(catalog, request(**fields))
    outcome = decode(records[0].value, PosterOutcome)

    assert outcome.error is not None
    assert outcome.error.code == code
    assert not any(record.topic.startswith("poster-renders") for record in records)


def test_an_unknown_template_is_waited_for_and_then_refused(catalog: Catalog) -> None:
    """An upload and a request can race, so the first look is not the last."""
    asked = request(template_id="unknown_latest")

    with pytest.raises(UnknownTemplateError):
        handle(catalog, asked)
    outcome = decode(handle(catalog, asked, final=True)[0].value, PosterOutcome)

    assert outcome.error is not None
    assert outcome.error.code == "template_not_found"


def test_a_cancelled_job_is_not_pinned(catalog: Catalog) -> None:
    """What is cancelled before it is read goes no further; the sink states the outcome."""
    cancellations = Cancellations()
    handler = RequestHandler(catalog, cancellations, lambda: EPOCH)
    cancelled = (
        b'{"type":"job.cancellation","version":1,"event_id":"00000000-0000-0000-0000-000000000001",'
        b'"occurred_at":"2026-01-01T00:00:00Z","job_id":"j","up_to_generation":0}'
    )
    cancellations.on_record(b"j", cancelled)

    assert list(handler.handle(request(), delivery(0))) == []


def test_unknown_data_is_pinned_as_a_warning(catalog: Catalog) -> None:
    """So that the completion can repeat it; the log has the same message, and names are safe to print."""
    records = handle(catalog, request(custom_data={"title": "x", "colour": "red", "si\x1bze": 1}))
    poster = decode(records[-1].value, PosterPinned)
    log = decode(records[-2].value, LogRecorded)

    (warning,) = poster.warnings
    assert (warning.code, warning.message) == ("unknown_data", "the template does not use `colour`, `si\\u001bze`")
    assert (log.code, log.message) == (warning.code, warning.message)


def test_many_unknown_names_are_counted(catalog: Catalog) -> None:
    """Twenty are named, each shortened: a request may have thousands."""
    data = {"title": "x"} | {f"{number:03}{'n' * 500}": 1 for number in range(99)}
    (warning,) = decode(handle(catalog, request(custom_data=data))[-1].value, PosterPinned).warnings

    assert warning.message.startswith(f"the template does not use `000{'n' * 61}`, `001")
    assert warning.message.endswith(" and 79 more")
    assert len(warning.message) < 1_500


def test_known_data_is_no_warning(catalog: Catalog) -> None:
    """Neither in the event nor in the log."""
    records = handle(catalog, request(custom_data={"title": "x", "note": "y"}))

    assert decode(records[-1].value, PosterPinned).warnings == []
    assert len(records) == 2
