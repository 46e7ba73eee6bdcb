"""What is on the topics of a source is handed on in its name, or refused."""

from collections.abc import Iterable

import orjson
import pytest

from agents.intake.source_topics import RefusedRecordError, SourceTopics, in_the_name_of
from agents.settings import Settings, read_settings
from schemas.codec import decode
from schemas.requests import PosterRequested
from streams.delivery import Delivery, Headers, Record
from streams.errors import RecordTooLargeError, SettingsError
from streams.faust_bridge.application import RoleApp
from streams.inbox import Inbox
from tests.streams.deliveries import delivery

REQUEST = (
    b'{"type": "poster.requested", "version": 1, "event_id": "00000000-0000-0000-0000-000000000001",'
    b' "occurred_at": "2026-01-01T00:00:00Z", "job_id": "job", "template_id": "cards_latest", "custom_data": {}'
)


class Broker:
    """Takes records up to a size."""

    def __init__(self, most: int = 10_000) -> None:
        self.records: list[Record] = []
        self._most = most

    async def publish(self, records: Iterable[Record]) -> None:
        """Take all, or none and raise."""
        batch = list(records)
        if any(len(record.value or b"") > self._most for record in batch):
            raise RecordTooLargeError("too large")
        self.records += batch


class RecordedDeadLetters:
    """Keeps what is a dead letter, with the reason."""

    def __init__(self) -> None:
        self.reasons: dict[int, str] = {}

    async def put(self, delivery: Delivery, reason: str, error: str) -> None:
        """Keep it."""
        assert error
        self.reasons[delivery.offset] = reason


def own(offset: int, value: bytes | None, key: bytes | None = b"k", headers: Headers = ()) -> Delivery:
    """Return a record of the shop's own topic."""
    return delivery(offset, topic="poster-requests.shop", value=value, key=key, headers=headers)


@pytest.mark.parametrize("end", [b"}", b', "source": "shop"}', b"}\n"])
def test_a_record_is_that_of_its_source(end: bytes) -> None:
    """One that names the source stays as it is, byte for byte; one that names none gets it."""
    value = in_the_name_of("shop", own(1, REQUEST + end))

    assert decode(value, PosterRequested).source == "shop"
    assert (value == REQUEST + end) == (b"source" in end)


@pytest.mark.parametrize(
    "end",
    [
        b', "source": "bank"}',
        b', "source": null}',
        b', "source": "shop", "source": "bank"}',
        b', "source": ["shop"]}',
        b"",
    ],
)
def test_another_claim_is_refused(end: bytes) -> None:
    """Another source, none spelt out, two of them, and what cannot be read are not handed on."""
    with pytest.raises(RefusedRecordError):
        in_the_name_of("shop", own(1, REQUEST + end))


def test_a_broken_request_is_handed_on_to_be_answered() -> None:
    """What intake would answer goes to it, as long as it says whose it is."""
    broken = REQUEST.replace(b'"custom_data": {}', b'"custom_data": 7, "source": "shop"}')

    assert in_the_name_of("shop", own(1, broken)) == broken


@pytest.mark.parametrize("value", [None, b"", b"{}", b"[]", b"1", b"\xff", b" {} "])
def test_any_bytes_are_handed_on_or_refused(value: bytes | None) -> None:
    """No bytes raise anything else, and an empty object becomes one with the source."""
    try:
        assert orjson.loads(in_the_name_of("shop", own(1, value))) == {"source": "shop"}
    except RefusedRecordError:
        assert (value or b"").strip() != b"{}"


async def test_records_go_on_in_their_order() -> None:
    """Key, bytes and headers stay, except those by which operators ask for another generation; the rest is refused."""
    broker, refused = Broker(), RecordedDeadLetters()
    topics = SourceTopics(["shop"], broker, refused)
    ours, foreign = REQUEST + b', "source": "shop"}', REQUEST + b', "source": "bank"}'
    headers = (("traceparent", b"t"), ("replay.generation", b"2147483647"), ("replay.of", b"x"))
    await topics.forward([own(0, ours, headers=headers), own(1, foreign), own(2, ours, key=None)])

    assert topics.topics == ("poster-requests.shop", "template-commands.shop")
    assert broker.records == [
        Record(topic="poster-requests", key=b"k", value=ours, headers=(("traceparent", b"t"),)),
        Record(topic="poster-requests", key=None, value=ours, headers=()),
    ]
    assert refused.reasons == {1: "source_mismatch"}


async def test_a_record_that_is_too_large_holds_up_no_other() -> None:
    """It is a dead letter, and the others of its batch go on."""
    ours = REQUEST + b', "source": "shop"}'
    broker, refused = Broker(len(ours)), RecordedDeadLetters()
    await SourceTopics(["shop"], broker, refused).forward([own(0, ours), own(1, ours + b" "), own(2, ours)])

    assert len(broker.records) == 2
    assert refused.reasons == {1: "invalid_request"}


def test_names_that_no_topic_can_have_are_refused() -> None:
    """A name with other characters is an error of the setting; blanks and repeated names are none."""
    with pytest.raises(SettingsError, match="POSTERS_SOURCE_TOPICS names `a shop`"):
        read_settings({"POSTERS_SOURCE_TOPICS": "a shop"})

    assert Settings(source_topics=" shop, bank,shop,").own_topic_sources == ("shop", "bank")


@pytest.mark.parametrize(("topic", "megabytes"), [("poster-requests.a.b", 4), ("template-commands.a.b", 8)])
async def test_a_fetch_takes_the_largest_record_of_a_source_s_topic(topic: str, megabytes: int) -> None:
    """Also where the shared topics of intake hold no record as large."""
    app = RoleApp("intake", Settings(), [Inbox(["poster-requests", topic], cap=1)])

    assert app.conf.consumer_max_fetch_size > megabytes * 1024 * 1024
