"""Bytes that are not of the contract: always a ContractError, never anything else."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.codec import ContractError, decode, encode
from schemas.envelope import Envelope
from schemas.requests import PosterRequested
from schemas.salvage import salvage
from schemas.templates import TemplateUploaded
from tests.contract.published import EXAMPLES, example, to_bytes

GOOD = to_bytes(example("poster.requested", "minimal"))


def instead(field: str, raw: bytes) -> bytes:
    """Return a good request with raw bytes as the value of one field."""
    event = {**example("poster.requested", "minimal"), field: "@"}
    return to_bytes(event).replace(b'"@"', raw)


HOSTILE: dict[str, bytes | None] = {
    "no value": None,
    "nothing": b"",
    "blank": b"  \n",
    "null": b"null",
    "an open brace": b"{",
    "a list": b"[]",
    "a text": b'"poster.requested"',
    "a number": b"1",
    "an empty object": b"{}",
    "not JSON": b"poster.requested",
    "XML": b"<poster/>",
    "cut short": GOOD[:-1],
    "followed by more": GOOD + b"{}",
    "a byte that is not UTF-8": b"\xff",
    "a text that is not UTF-8": instead("source", b'"\xff"'),
    "UTF-16": GOOD.decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + GOOD,
    "a schema id before it": b"\x00\x00\x00\x00\x07" + GOOD,
    "NaN": instead("custom_data", b'{"a": NaN}'),
    "Infinity": instead("custom_data", b'{"a": Infinity}'),
    "minus Infinity": instead("metadata", b'{"a": -Infinity}'),
    "1e400": instead("custom_data", b'{"a": 1e400}'),
    "an integer of 5,000 digits": instead("custom_data", b'{"a": ' + b"9" * 5_000 + b"}"),
    "a version of 5,000 digits": instead("version", b"9" * 5_000),
    "version 2": instead("version", b"2"),
    "version 0": instead("version", b"0"),
    "version 1.0": instead("version", b"1.0"),
    "version null": instead("version", b"null"),
    "an unknown type": instead("type", b'"poster.demanded"'),
    "a type of 1 MB": instead("type", b'"' + b"x" * 1_000_000 + b'"'),
    "a type with control characters": instead("type", b'"\\u0000\\n\\u001b[31m"'),
    "a type that is a list": instead("type", b'["poster.requested"]'),
    "a type that is null": instead("type", b"null"),
    "a wrong type": instead("strict", b'"yes"'),
    "a missing field": instead("template_id", b'"@"').replace(b"template_id", b"tempalte_id"),
    "equal names, the last one wrong": GOOD[:-1] + b', "job_id": 7}',
    "equal names, the last type unknown": GOOD[:-1] + b', "type": "poster.demanded"}',
    "half a pair of surrogates": instead("entity_id", b'"\\ud83c"'),
    "surrogates the wrong way round": instead("entity_id", b'"\\udf89\\ud83c"'),
    "surrogates as bytes": instead("entity_id", b'"\xed\xa0\xbc"'),
    "lists 5,000 deep": b"[" * 5_000 + b"]" * 5_000,
    "open lists 100,000 deep": b"[" * 100_000,
    "custom_data 5,000 deep": instead("custom_data", b'{"a":' * 5_000 + b"1" + b"}" * 5_000),
    "custom_data 100,000 deep": instead("custom_data", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "an unknown field 100,000 deep": instead("colour", b"[" * 100_000 + b"]" * 100_000),
    "2 MB of data": instead("custom_data", b'{"a": "' + b"x" * 2_000_000 + b'"}'),
    "2 MB of padding": instead("colour", b'"' + b"x" * 2_000_000 + b'"'),
    "2 MB of zeros": bytes(2_000_000),
}

anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=True, allow_infinity=True)
    | st.text(st.characters(codec=None, exclude_categories=()), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes(value: bytes | None) -> None:
    """Whatever arrives instead of an event is a ContractError whose message is short and fit to be stored."""
    with pytest.raises(ContractError) as refusal:
        decode(value, Envelope)

    message = str(refusal.value)
    assert 0 < len(message) <= 500
    assert message.isprintable()
    assert message.encode()


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_hostile_bytes_are_looked_at_for_an_owner(value: bytes | None) -> None:
    """Looking for the owner of hostile bytes never fails either."""
    salvaged = salvage(value)

    assert salvaged is None or salvaged.job_id in ("order_77-a", "@")


@given(st.binary(max_size=300))
def test_any_bytes(value: bytes) -> None:
    """Arbitrary bytes are refused as a matter of course."""
    with pytest.raises(ContractError):
        decode(value, Envelope)
    assert salvage(value) is None


@given(st.data())
def test_damaged_examples(data: st.DataObject) -> None:
    """An example with bytes changed, cut or put in is refused, or is an event that can be written again."""
    path = data.draw(st.sampled_from(EXAMPLES))
    value = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(value)))
        end = min(len(value), start + data.draw(st.integers(0, 3)))
        value[start:end] = data.draw(st.binary(max_size=3))

    refused_or_whole(bytes(value))


@given(st.data())
def test_changed_examples(data: st.DataObject) -> None:
    """An example with a value somewhere replaced by any other, or left out, is refused or can be written again."""
    path = data.draw(st.sampled_from(EXAMPLES))
    event = json.loads(path.read_bytes())
    holder, name = data.draw(st.sampled_from(places(event)))
    if data.draw(st.booleans()):
        holder[name] = data.draw(anything)
    else:
        del holder[name]

    refused_or_whole(to_bytes(event))


def refused_or_whole(value: bytes) -> None:
    """Assert that decoding raises ContractError or gives what encodes and decodes to an equal event."""
    salvage(value)
    try:
        event = decode(value, Envelope)
    except ContractError:
        return
    written = encode(event)
    assert encode(decode(written, Envelope)) == written


def places(value: Any) -> list[tuple[Any, Any]]:
    """Return every place in a JSON value where something stands: what holds it, and its name or index."""
    names = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [place for name in names for place in ((value, name), *places(value[name]))]


def test_the_last_of_equal_names_counts() -> None:
    """Of equal names every reader of ours takes the last, so that nobody is told two things."""
    event = decode(GOOD[:-1] + b', "job_id": "the_last"}', PosterRequested)
    salvaged = salvage(GOOD[:-1] + b', "strict": 7, "job_id": "the_last"}')

    assert event.job_id == "the_last"
    assert salvaged is not None
    assert salvaged.job_id == "the_last"


def test_an_event_of_another_topic() -> None:
    """A good event on the wrong topic is refused by name."""
    with pytest.raises(ContractError, match=r"'poster\.requested' is not an event type of this topic"):
        decode(GOOD, TemplateUploaded)


def test_what_nobody_reads_is_not_judged() -> None:
    """Unknown fields are ignored, whatever they hold."""
    for raw in (b"1e400", b'"\\ud83c"', b"[[[[]]]]", b"9" * 100):
        assert decode(instead("colour", raw), Envelope) == decode(GOOD, Envelope)
