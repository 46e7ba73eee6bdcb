"""The golden examples: what producers may copy and consumers may test against."""

import json
from pathlib import Path

import pytest

from schemas.codec import decode, encode
from schemas.envelope import Envelope
from schemas.topics import EVENT_TYPES
from tests.contract.published import EXAMPLES, SCHEMAS, example_id, published_schema, to_object, validator

FROM_OUTSIDE = {*EVENT_TYPES["poster-requests"], *EVENT_TYPES["template-commands"]}

each_example = pytest.mark.parametrize("path", EXAMPLES, ids=example_id)


@each_example
def test_decodes(path: Path) -> None:
    """Every example is an event of the type and version that its folders name."""
    event = decode(path.read_bytes(), Envelope)

    assert (vars_of(event)["type"], str(event.version)) == (path.parts[-3], path.parts[-2])


@each_example
def test_fits_its_schema(path: Path) -> None:
    """Every example is valid against the published schema."""
    errors = [error.message for error in validator(path.parts[-3]).iter_errors(json.loads(path.read_bytes()))]

    assert errors == []


@each_example
def test_comes_back_from_the_codec(path: Path) -> None:
    """Decoding and encoding gives equal JSON: exactly for what we send, with the defaults added for what we get."""
    written = json.loads(path.read_bytes())
    again = to_object(encode(decode(path.read_bytes(), Envelope)))
    added = {name: value for name, value in again.items() if name not in written}
    properties = published_schema(path.parts[-3])["properties"]

    assert {name: again[name] for name in written} == written
    assert path.parts[-3] in FROM_OUTSIDE or again == written
    empty: dict[str, object] = {"object": {}, "array": []}
    for name, value in added.items():
        field = properties[name]
        assert value == field.get("default", empty.get(field.get("type", "")))


def test_every_type_has_two_shapes() -> None:
    """Each event type has a sparse and a full example, or two that differ in meaning."""
    per_type: dict[str, int] = {}
    for path in EXAMPLES:
        per_type[path.parts[-3]] = per_type.get(path.parts[-3], 0) + 1

    assert min(per_type.values()) >= 2


def test_nothing_else_lies_among_them() -> None:
    """Every file is `<type>/<version>/<name>.json`."""
    files = [path for path in (SCHEMAS / "examples").rglob("*") if path.is_file()]

    assert sorted(files) == list(EXAMPLES)
    assert {len(path.relative_to(SCHEMAS / "examples").parts) for path in files} == {3}


@pytest.mark.parametrize(
    "letters",
    ["山田", "ليلى", "שרה", "🎉", "👩‍🎨", "Łukasz"],
    ids=["han", "arabic", "hebrew", "emoji", "joined", "latin"],
)
def test_examples_speak_many_scripts(letters: str) -> None:
    """The examples hold the scripts that people use, as plain UTF-8."""
    assert any(letters.encode() in path.read_bytes() for path in EXAMPLES)


def test_small_enough_for_a_console() -> None:
    """No example is larger than what Redpanda Console shows without being told to."""
    assert max(path.stat().st_size for path in EXAMPLES) < 20_480


def vars_of(event: Envelope) -> dict[str, object]:
    """Return the event's fields; slots have no `__dict__`."""
    fields: dict[str, object] = to_object(encode(event))
    return fields
