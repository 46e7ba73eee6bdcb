"""Every limit of an output, from both sides of its boundary, and which of two outputs counts."""

from typing import Any

import pytest

from schemas.output import DEFAULTS, Output, OutputError, device_size, named_outputs, parse_output, resolve_output
from tests.contract.published import valid
from tests.contract.test_limits import accepts, poster

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
