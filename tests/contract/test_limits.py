"""Every limit of the contract, from both sides of its boundary."""

from typing import Any

import pytest

from schemas.codec import ContractError, decode, decode_poster, encode
from schemas.envelope import Envelope
from schemas.requests import BatchRequested, PosterRequested, batch_priority
from tests.contract.published import Event, example, to_bytes, valid


def accepts(event: Event) -> bool:
    """Say whether the codec takes the event, and can write it again."""
    try:
        encode(decode(to_bytes(event), Envelope))
    except ContractError:
        return False
    return True


def poster(**fields: Any) -> Event:
    return {**example("poster.requested", "minimal"), **fields}


def batch(**fields: Any) -> Event:
    return {**example("batch.requested", "minimal"), **fields}


def nested(levels: int, wrap: str = "object") -> Any:
    """Return `levels` objects (the outermost counts) or an object around lists, so that it is `levels` deep."""
    value: Any = {} if wrap == "object" else []
    for _ in range(levels - 2):
        value = {"a": value} if wrap == "object" else [value]
    return {"a": value}


def padded(size: int) -> dict[str, str]:
    """Return an object that is `size` bytes of compact JSON."""
    return {"a": "x" * (size - len('{"a":""}'))}


# Limits that JSON Schema can state too: both must say the same.
STATED = {
    "job_id of 1 character": (poster(job_id="a"), True),
    "job_id of 80 characters": (poster(job_id="a" * 80), True),
    "job_id of 81 characters": (poster(job_id="a" * 81), False),
    "empty job_id": (poster(job_id=""), False),
    "job_id with every kind of character": (poster(job_id="azAZ09_-"), True),
    "job_id with a dot": (poster(job_id="a.b"), False),
    "job_id with a trailing newline": (poster(job_id="a\n"), False),
    "job_id of other letters": (poster(job_id="é"), False),
    "job_id of 80 characters and a newline": (poster(job_id="a" * 80 + "\n"), False),
    "job_id null": (poster(job_id=None), False),
    "source of 64 characters": (poster(source="é" * 64), True),
    "source of 65 characters": (poster(source="é" * 65), False),
    "source with U+0000": (poster(source="a\0"), False),
    "source null": (poster(source=None), True),
    "empty entity_id": (poster(entity_id=""), True),
    "entity_id of 128 bytes": (poster(entity_id="a" * 128), True),
    "entity_id of 129 bytes": (poster(entity_id="a" * 129), False),
    "entity_id with U+0000": (poster(entity_id="a\0b"), False),
    "entity_id null": (poster(entity_id=None), False),
    "template_id with U+0000": (poster(template_id="a\0"), False),
    "template_id missing": ({k: v for k, v in poster().items() if k != "template_id"}, False),
    "custom_data a list": (poster(custom_data=[]), False),
    "custom_data null": (poster(custom_data=None), False),
    "metadata a text": (poster(metadata="a"), False),
    "output null": (poster(output=None), True),
    "output a list": (poster(output=[]), False),
    "strict a text": (poster(strict="true"), False),
    "strict a number": (poster(strict=1), False),
    "reuse null": (poster(reuse=None), False),
    "priority bulk": (poster(priority="bulk"), True),
    "priority urgent": (poster(priority="urgent"), False),
    "deadline null": (poster(deadline=None), True),
    "deadline in another zone": (poster(deadline="2030-01-01T10:00:00+02:00"), True),
    "deadline a number": (poster(deadline=1893456000), False),
    "version missing": ({k: v for k, v in poster().items() if k != "version"}, False),
    "version 2": (poster(version=2), False),
    "version true": (poster(version=True), False),
    "version as text": (poster(version="1"), False),
    "event_id missing": ({k: v for k, v in poster().items() if k != "event_id"}, False),
    "event_id not a UUID": (poster(event_id="1"), False),
    "occurred_at missing": ({k: v for k, v in poster().items() if k != "occurred_at"}, False),
    "unknown field": (poster(colour="red"), True),
    "batch of 1": (batch(posters=[{}]), True),
    "batch of 500": (batch(posters=[{}] * 500), True),
    "batch of 501": (batch(posters=[{}] * 501), False),
    "batch of 0": (batch(posters=[]), False),
    "batch without posters": ({k: v for k, v in batch().items() if k != "posters"}, False),
    "part 0": (batch(part=0), False),
    "parts 0": (batch(parts=0), False),
    "second part": (batch(part=2, parts=2, first_index=1, total_count=2), True),
    "parts without total_count": (batch(parts=2), False),
    "second part without first_index": (batch(part=2, parts=2, total_count=2), False),
    "total_count of 100,000": (batch(parts=200, total_count=100_000), True),
    "total_count of 100,001": (batch(parts=201, total_count=100_001), False),
    "total_count of 2³¹ − 1": (batch(total_count=2**31 - 1), False),
    "total_count of 2³¹ − 1 in as many parts": (batch(parts=2**31 - 1, total_count=2**31 - 1), False),
    "total_count of 2³¹": (batch(total_count=2**31), False),
    "first_index of 100,000": (batch(parts=200, first_index=100_000, total_count=100_000), False),
    "first_index of 2³¹": (batch(first_index=2**31), False),
    "parts of 100,000": (batch(parts=100_000, total_count=100_000), True),
    "parts of 2⁷⁰": (batch(parts=2**70, total_count=1), False),
    "first_index below 0": (batch(first_index=-1), False),
    "cancel without job_id": ({k: v for k, v in example("job.cancel_requested").items() if k != "job_id"}, False),
    "erase by job": (example("poster.erase_requested", "job"), True),
    "erase by entity": (example("poster.erase_requested", "entity"), True),
    "erase by nothing": (
        {k: v for k, v in example("poster.erase_requested", "job").items() if k != "job_id"},
        False,
    ),
    "erase by both": ({**example("poster.erase_requested", "entity"), "job_id": "a"}, False),
    "erase by half": ({k: v for k, v in example("poster.erase_requested", "entity").items() if k != "section"}, False),
    "preview of both": ({**example("template.preview", "version"), "html_content": "a"}, False),
    "preview of nothing": (
        {k: v for k, v in example("template.preview", "version").items() if k != "template_id"},
        False,
    ),
    "50 assets": ({**example("poster.completed"), "assets": [{"url": "https://a.example/", "ok": True}] * 50}, True),
    "51 assets": ({**example("poster.completed"), "assets": [{"url": "https://a.example/", "ok": True}] * 51}, False),
    "completed without url": ({**example("poster.completed"), "url": None}, False),
    "completed with an error": (
        {**example("poster.completed"), "error": example("poster.failed")["error"]},
        False,
    ),
    "failed without an error": ({**example("poster.failed"), "error": None}, False),
    "failed with what is no code": (
        {**example("poster.failed"), "error": {"code": "bad luck", "message": "", "retryable": False}},
        False,
    ),
    "completed with another status": ({**example("poster.completed"), "status": "failed"}, False),
    "retrying without due_at": ({**example("poster.retrying"), "due_at": None}, False),
    "sha256 in capitals": ({**example("poster.completed"), "sha256": "A" * 64}, False),
    "sha256 with a newline": ({**example("poster.completed"), "sha256": "a" * 64 + "\n"}, False),
    "sha256 of 63 digits": ({**example("poster.completed"), "sha256": "a" * 63}, False),
    "poster_index below 0": ({**example("poster.queued"), "poster_index": -1}, False),
    "attempt 0": ({**example("poster.queued"), "attempt": 0}, False),
    "level DEBUG": ({**example("log.recorded"), "level": "DEBUG"}, False),
    "tier 4": ({**example("poster.pinned", "retry-3"), "tier": 4}, False),
    "template_version_id an alias": ({**example("poster.pinned"), "template_version_id": "testimonial_latest"}, False),
}

# Limits in bytes, depth and values, which the codec alone enforces.
MEASURED = {
    "entity_id of 128 bytes in 64 letters": (poster(entity_id="é" * 64), True),
    "entity_id of 130 bytes in 65 letters": (poster(entity_id="é" * 65), False),
    "custom_data of 64 KiB": (poster(custom_data=padded(65_536)), True),
    "custom_data of 64 KiB and a byte": (poster(custom_data=padded(65_537)), False),
    "custom_data 16 objects deep": (poster(custom_data=nested(16)), True),
    "custom_data 17 objects deep": (poster(custom_data=nested(17)), False),
    "custom_data 16 deep in lists": (poster(custom_data=nested(16, "list")), True),
    "custom_data 17 deep in lists": (poster(custom_data=nested(17, "list")), False),
    "custom_data with the largest integer": (poster(custom_data={"n": 2**64 - 1}), True),
    "custom_data with an integer too large": (poster(custom_data={"n": 2**64}), False),
    "custom_data with the smallest integer": (poster(custom_data={"n": -(2**63)}), True),
    "custom_data with an integer too small": (poster(custom_data={"n": -(2**63) - 1}), False),
    "custom_data with an integer too large in a list": (poster(custom_data={"n": [1, {"m": [2**64]}]}), False),
    "custom_data with U+0001": (poster(custom_data={"a": "\x01"}), True),
    "custom_data with U+0000": (poster(custom_data={"a": ["\0"]}), False),
    "custom_data with U+0000 in a name": (poster(custom_data={"a": {"\0": 1}}), False),
    "custom_data with a pair of surrogates": (poster(custom_data={"a": "🎉"}), True),
    "custom_data with a high surrogate": (poster(custom_data={"a": "\ud83c"}), False),
    "custom_data with a low surrogate": (poster(custom_data={"a": "\udf89"}), False),
    "custom_data with a surrogate in a name": (poster(custom_data={"\ud83c": 1}), False),
    "custom_data with an escaped backslash before u0000": (poster(custom_data={"a": "\\u0000"}), True),
    "entity_id with a surrogate": (poster(entity_id="\ud83c"), False),
    "metadata of 4 KiB": (poster(metadata=padded(4_096)), True),
    "metadata of 4 KiB and a byte": (poster(metadata=padded(4_097)), False),
    "metadata 16 deep": (poster(metadata=nested(16)), True),
    "metadata 17 deep": (poster(metadata=nested(17)), False),
    "metadata with U+0000": (poster(metadata={"a": "\0"}), False),
    "batch metadata of 4 KiB and a byte": (batch(metadata=padded(4_097)), False),
    "output 17 deep": (poster(output=nested(17)), False),
    "output with U+0000": (poster(output={"selector": "\0"}), False),
    "output with an integer too large": (poster(output={"width": 2**64}), False),
    "last index of the largest job": (
        batch(part=200, parts=200, first_index=99_999, total_count=100_000, posters=[{}]),
        True,
    ),
    "first_index whose posters reach past 100,000": (
        batch(part=200, parts=200, first_index=99_999, total_count=100_000, posters=[{}, {}]),
        False,
    ),
    "total_count of 500 in a part": (batch(total_count=500, posters=[{}]), True),
    "total_count of 501 in a part": (batch(total_count=501, posters=[{}]), False),
    "total of 501 by first_index, in a part": (batch(first_index=500, posters=[{}]), False),
    "total_count of 1,500 in two parts": (batch(total_count=1_500, parts=2), False),
    "three parts of two posters": (batch(total_count=2, parts=3, posters=[{}]), False),
    "part above parts": (batch(part=2, first_index=1), False),
    "total_count of what there is": (batch(total_count=1), True),
    "total_count below what there is": (batch(posters=[{}, {}], total_count=1), False),
    "deadline in the year 1": (poster(deadline="0001-01-01T00:00:00+14:00"), False),
    "deadline in the year 9999": (poster(deadline="9999-12-31T23:59:59-14:00"), False),
    "occurred_at in the year 1": (poster(occurred_at="0001-01-01T00:00:00+14:00"), False),
    "occurred_at without a zone": (poster(occurred_at="2026-03-02T09:15:04"), False),
    "occurred_at in another zone": (poster(occurred_at="2026-03-02T09:15:04+05:30"), True),
    "placeholder default 17 deep": (
        {**example("template.upload", "minimal"), "placeholders": [{"name": "a", "default": nested(17)}]},
        False,
    ),
    "log details 300 deep": ({**example("log.recorded"), "details": nested(300)}, False),
    "pinned metadata with an integer too large": ({**example("poster.pinned"), "metadata": {"n": 2**64}}, False),
}


@pytest.mark.parametrize(("event", "fits"), STATED.values(), ids=STATED)
def test_codec_and_schema_agree(event: Event, fits: bool) -> None:
    """What a JSON Schema can say, it says as the codec does."""
    assert (accepts(event), valid(event)) == (fits, fits)


@pytest.mark.parametrize(("event", "fits"), MEASURED.values(), ids=MEASURED)
def test_codec_measures(event: Event, fits: bool) -> None:
    """Bytes, depth and values are limited exactly where the contract says."""
    assert accepts(event) == fits


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"total_count": 2**31 - 1}, "the job has 2,147,483,647 posters; 100,000 are allowed"),
        ({"parts": 201, "total_count": 100_001}, "the job has 100,001 posters; 100,000 are allowed"),
        ({"total_count": 501}, "the job has 501 posters, but its `parts` hold 500 at most"),
        ({"parts": 3, "total_count": 2}, "`parts` is 3, more than the 2 posters of the job"),
        ({"parts": 2, "first_index": 9, "total_count": 9}, "`total_count` is 9, but this part reaches past it"),
    ],
)
def test_contradictory_totals_are_named(fields: dict[str, Any], sentence: str) -> None:
    """A batch whose numbers cannot be true is refused with a sentence that has them."""
    with pytest.raises(ContractError) as refused:
        decode(to_bytes(batch(posters=[{}], **fields)), Envelope)

    assert sentence in str(refused.value)


@pytest.mark.parametrize(("size", "fits"), [(900 * 1024, True), (900 * 1024 + 1, False)])
def test_request_as_a_whole(size: int, fits: bool) -> None:
    """A request has at most 900 KiB, whatever fills it."""
    event = to_bytes(batch(posters=[{"custom_data": padded(60_000)}] * 15))
    value = event + b" " * (size - len(event))

    if fits:
        assert isinstance(decode(value, Envelope), BatchRequested)
    else:
        with pytest.raises(ContractError, match="921,601 bytes; 921,600"):
            decode(value, Envelope)


@pytest.mark.parametrize(
    "bad",
    [
        {"entity_id": "é" * 65},
        {"custom_data": padded(65_537)},
        {"custom_data": nested(17)},
        {"custom_data": {"n": 2**64}},
        {"custom_data": {"a": "\0"}},
        {"custom_data": {"a": "\ud83c"}},
        {"custom_data": None},
        {"metadata": padded(4_097)},
        {"output": nested(17)},
        [],
        "a poster",
        None,
    ],
    ids=[
        "entity",
        "size",
        "depth",
        "integer",
        "nul",
        "surrogate",
        "null",
        "metadata",
        "output",
        "list",
        "text",
        "none",
    ],
)
def test_bad_poster_fails_alone(bad: Any) -> None:
    """A poster of a batch that breaks a limit is refused without its neighbours."""
    event = decode(to_bytes(batch(posters=[{"entity_id": "before"}, bad, {"entity_id": "after"}])), BatchRequested)

    assert decode_poster(event.posters[0]).entity_id == "before"
    assert decode_poster(event.posters[2]).entity_id == "after"
    with pytest.raises(ContractError):
        decode_poster(event.posters[1])


@pytest.mark.parametrize(
    ("posters", "priority", "lane"),
    [(10, None, "normal"), (11, None, "bulk"), (11, "normal", "bulk"), (1, "bulk", "bulk")],
)
def test_lane_of_a_batch(posters: int, priority: str | None, lane: str) -> None:
    """A batch is bulk above ten posters, whatever it says; a smaller one where it says so."""
    event = decode(to_bytes(batch(posters=[{}] * posters, priority=priority)), BatchRequested)

    assert batch_priority(event) == lane


def test_lane_counts_all_parts() -> None:
    """A small last part of a large batch goes with the rest of it."""
    event = decode(to_bytes(batch(part=2, parts=2, first_index=500, total_count=501)), BatchRequested)

    assert (len(event.posters), event.total, batch_priority(event)) == (1, 501, "bulk")


def test_defaults_of_a_poster() -> None:
    """What a request leaves out is what the contract says."""
    event = decode(to_bytes(poster()), PosterRequested)

    assert (event.entity_id, event.custom_data, event.metadata, event.output) == ("unknown", {}, {}, None)
    assert (event.strict, event.reuse, event.priority, event.deadline) == (False, True, "normal", None)
