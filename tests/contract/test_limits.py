"""Every limit of the contract, from both sides of its boundary."""

from typing import Any

import pytest

from schemas.codec import ContractError, decode, decode_poster, encode
from schemas.envelope import Envelope
from schemas.output import DEFAULTS, Output, OutputError, device_size, named_outputs, parse_output, resolve_output
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


OUTPUTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "nothing": ({}, None),
    "width 1": ({"width": 1}, None),
    "width 0": ({"width": 0}, "output_invalid"),
    "selector of 1,001": ({"selector": "x" * 1_001}, "output_invalid"),
    "empty locale": ({"locale": ""}, "output_invalid"),
    "locale of 65": ({"locale": "x" * 65}, "output_invalid"),
    "timezone of 65, in a variant": ({"variants": [{"name": "a", "timezone": "x" * 65}]}, "output_invalid"),
    "width 8,192": ({"width": 8192}, None),
    "width 8,193": ({"width": 8193}, "output_invalid"),
    "height 8,192": ({"height": 8192}, None),
    "height 8,193": ({"height": 8193}, "output_invalid"),
    "width as text": ({"width": "1080"}, "output_invalid"),
    "width half": ({"width": 0.5}, "output_invalid"),
    "width true": ({"width": True}, "output_invalid"),
    "scale 0.5": ({"scale": 0.5}, None),
    "scale 0.49": ({"scale": 0.49}, "output_invalid"),
    "scale 4": ({"scale": 4}, None),
    "scale 4.01": ({"scale": 4.01}, "output_invalid"),
    "quality 1": ({"format": "jpeg", "quality": 1}, None),
    "quality 0": ({"format": "jpeg", "quality": 0}, "output_invalid"),
    "quality 100": ({"format": "webp", "quality": 100}, None),
    "quality 101": ({"format": "webp", "quality": 101}, "output_invalid"),
    "quality out of range where it does not matter": ({"format": "png", "quality": 101}, "output_invalid"),
    "an unknown name": ({"widht": 100}, "output_invalid"),
    "an unknown format": ({"format": "gif"}, "output_invalid"),
    "transparent png": ({"format": "png", "transparent": True}, None),
    "transparent webp": ({"format": "webp", "transparent": True}, None),
    "transparent jpeg": ({"format": "jpeg", "transparent": True}, "output_invalid"),
    "64 megapixels": ({"width": 8000, "height": 8000}, None),
    "a row more than 64 megapixels": ({"width": 8000, "height": 8001}, "dimension_limit"),
    "64 megapixels at scale 4": ({"width": 2000, "height": 2000, "scale": 4}, None),
    "a row more at scale 4": ({"width": 2000, "height": 2001, "scale": 4}, "dimension_limit"),
    "a side of 16,383": ({"width": 5461, "height": 100, "scale": 3}, None),
    "a side of 16,384": ({"width": 8192, "height": 100, "scale": 2}, "dimension_limit"),
    "a high side of 16,384": ({"width": 100, "height": 4096, "scale": 4}, "dimension_limit"),
    "transparent pdf": ({"format": "pdf", "transparent": True}, "output_invalid"),
    "dark pdf": ({"format": "pdf", "color_scheme": "dark"}, "output_invalid"),
    "pdf": ({"format": "pdf", "full_page": True}, None),
    "full page in the dark": ({"full_page": True, "color_scheme": "dark"}, None),
    "another locale and time zone": ({"locale": "de-DE", "timezone": "Europe/Berlin", "selector": "h1"}, None),
    "one variant": ({"variants": [{"name": "a", "width": 600, "format": "pdf"}]}, None),
    "8 variants": ({"variants": [{"name": str(number)} for number in range(8)]}, None),
    "9 variants": ({"variants": [{"name": str(number)} for number in range(9)]}, "output_invalid"),
    "no variant": ({"variants": []}, "output_invalid"),
    "a variant without a name": ({"variants": [{"width": 600}]}, "output_invalid"),
    "a variant with an empty name": ({"variants": [{"name": ""}]}, "output_invalid"),
    "a variant with a name of 64": ({"variants": [{"name": "n" * 64}]}, None),
    "a variant with a name of 65": ({"variants": [{"name": "n" * 65}]}, "output_invalid"),
    "two variants of one name": ({"variants": [{"name": "a"}, {"name": "a", "width": 9}]}, "output_invalid"),
    "an unknown name in a variant": ({"variants": [{"name": "a", "widht": 1}]}, "output_invalid"),
    "variants in a variant": ({"variants": [{"name": "a", "variants": []}]}, "output_invalid"),
    "a variant that is no object": ({"variants": ["a"]}, "output_invalid"),
    "variants that are no list": ({"variants": {"name": "a"}}, "output_invalid"),
    "a variant too wide": ({"variants": [{"name": "a"}, {"name": "b", "width": 8193}]}, "output_invalid"),
    "a transparent jpeg variant": (
        {"transparent": True, "variants": [{"name": "a"}, {"name": "b", "format": "jpeg"}]},
        "output_invalid",
    ),
    "a variant too large": ({"width": 8192, "variants": [{"name": "a", "height": 8192}]}, "dimension_limit"),
    "the defaults by name": ({"color_scheme": "light", "locale": "en-US", "timezone": "UTC", "full_page": False}, None),
}


@pytest.mark.parametrize(("wanted", "code"), OUTPUTS.values(), ids=OUTPUTS)
def test_output_limits(wanted: dict[str, Any], code: str | None) -> None:
    """An output is refused with its code exactly outside the limits, and the request itself is accepted."""
    assert accepts(poster(output=wanted))
    if code is None:
        resolve_output(parse_output(wanted))
        assert valid(poster(output=wanted))
    else:
        with pytest.raises(OutputError) as refusal:
            resolve_output(parse_output(wanted))
        assert refusal.value.code == code


def test_schema_refuses_what_one_field_shows() -> None:
    """Every output problem that one field shows is in the schema too; what several fields show together is not."""
    told = {name for name, (wanted, code) in OUTPUTS.items() if code and not valid(poster(output=wanted))}

    assert {name for name, (_, code) in OUTPUTS.items() if code == "output_invalid"} - told == {
        *("transparent jpeg", "transparent pdf", "dark pdf"),
        *("two variants of one name", "a transparent jpeg variant"),
    }


def test_a_refusal_names_the_variant_the_number_and_the_limit() -> None:
    """Whoever reads the message knows which variant asks for how much, and how much there is."""
    with pytest.raises(OutputError, match=r"`huge`.*8,192 × 8,000 = 65,536,000 .*64,000,000"):
        resolve_output(parse_output({"variants": [{"name": "a"}, {"name": "huge", "width": 8192, "height": 8000}]}))


def test_a_variant_goes_before_what_all_have_in_common() -> None:
    """A variant's own fields count first, then the request's, then the template's; the first variant leads."""
    wanted = parse_output({"format": "webp", "variants": [{"name": "small", "width": 300}, {"name": "plain"}]})
    template = parse_output({"width": 1200, "quality": 60, "variants": [{"name": "unused"}]})
    resolved = resolve_output(wanted, template)
    images = named_outputs(resolved)

    assert [(name, image.width, image.format, image.quality) for name, image in images] == [
        ("small", 300, "webp", 60),
        ("plain", 1200, "webp", 60),
    ]
    assert (resolved.width, resolved.format) == (300, "webp")
    assert [name for name, _ in named_outputs(resolve_output(Output(), template))] == ["unused"]
    assert named_outputs(resolve_output(Output())) == [("default", resolve_output(Output()))]


def test_outputs_lie_over_each_other() -> None:
    """The poster's output goes before the batch's, that before the template's, and quality is for jpeg and webp."""
    resolved = resolve_output(Output(width=600), Output(width=700, height=300, format="jpeg"), Output(scale=2))

    assert (resolved.width, resolved.height, resolved.scale, resolved.format) == (600, 300, 2, "jpeg")
    assert resolved.quality == 90
    assert resolve_output(Output(quality=50)).quality is None
    assert device_size(DEFAULTS) == (1080, 1080)
