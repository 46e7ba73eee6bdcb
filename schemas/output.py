"""The `output` object of a request: format and size of a poster, with its defaults and limits."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, Literal, get_args, get_type_hints

import msgspec

from . import limits
from .codes import ErrorCode
from .fields import Text

Format = Literal["png", "jpeg", "webp", "pdf"]
ColorScheme = Literal["light", "dark"]
VariantName = Annotated[Text, msgspec.Meta(min_length=1, max_length=limits.VARIANT_NAME_MAX_CHARACTERS)]
Selector = Annotated[Text, msgspec.Meta(max_length=limits.SELECTOR_MAX_CHARACTERS)]
Locality = Annotated[Text, msgspec.Meta(min_length=1, max_length=limits.LOCALITY_MAX_CHARACTERS)]

CONTENT_TYPES: Final[dict[Format, str]] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "pdf": "application/pdf",
}
EXTENSIONS: Final[dict[Format, str]] = {"png": "png", "jpeg": "jpg", "webp": "webp", "pdf": "pdf"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What shapes one image; a field that is None takes the value of what is laid under it, else the default.

    `width` and `height` are CSS pixels, `scale` device pixels per CSS pixel, `quality` 1 to 100 (jpeg, webp).
    """

    format: Format | None = None
    width: int | None = None
    height: int | None = None
    scale: float | None = None
    quality: int | None = None
    transparent: bool | None = None
    full_page: bool | None = None
    selector: Selector | None = None
    color_scheme: ColorScheme | None = None
    locale: Locality | None = None
    timezone: Locality | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant(Shape):
    """One of several images of a poster. What it leaves out, the output that it belongs to says."""

    name: VariantName


@dataclass(frozen=True, slots=True, kw_only=True)
class Output(Shape):
    """Size and format of a poster: its one image, or what its `variants` have in common."""

    variants: list[Variant] | None = None


DEFAULT_NAME: Final = "default"
"""Of the image of an output without variants."""
DEFAULTS: Final = Output(
    format="png",
    width=1080,
    height=1080,
    scale=1.0,
    quality=90,
    transparent=False,
    full_page=False,
    color_scheme="light",
    locale="en-US",
    timezone="UTC",
)
_SHAPE: Final = tuple(field.name for field in fields(Shape))
_TYPES: Final = get_type_hints(Output, include_extras=True) | get_type_hints(Variant, include_extras=True)
_RANGES: Final = {
    "width": (1, limits.SIDE_MAX_CSS_PIXELS),
    "height": (1, limits.SIDE_MAX_CSS_PIXELS),
    "scale": (limits.SCALE_MIN, limits.SCALE_MAX),
    "quality": (1, 100),
}
_ALLOWED: Final = {
    "format": f"{', '.join(get_args(Format))} are allowed",
    **{
        name: f"{'numbers' if name == 'scale' else 'whole numbers'} of {low} to {high:,} are allowed"
        for name, (low, high) in _RANGES.items()
    },
    "transparent": "true and false are allowed",
    "full_page": "true and false are allowed",
    "selector": f"a CSS selector of up to {limits.SELECTOR_MAX_CHARACTERS:,} characters is allowed, without U+0000",
    "color_scheme": f"{', '.join(get_args(ColorScheme))} are allowed",
    "locale": f"a name such as de-DE is allowed, of 1 to {limits.LOCALITY_MAX_CHARACTERS} characters without U+0000",
    "timezone": f"a name such as Europe/Berlin is allowed, of 1 to {limits.LOCALITY_MAX_CHARACTERS} characters "
    "without U+0000",
    "variants": f"a list of 1 to {limits.VARIANTS_MAX} objects is allowed",
    "variant": "objects with a `name` are allowed",
    "name": f"text of 1 to {limits.VARIANT_NAME_MAX_CHARACTERS} characters is allowed, without U+0000",
}
_SHOWN_MAX_CHARACTERS: Final = 80


class OutputError(ValueError):
    """The `output` of a request cannot be made; `code` is `output_invalid` or `dimension_limit`."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message


def parse_output(value: dict[str, Any] | None) -> Output:
    """Return the typed form of an `output` object as it stands in a request. Raises OutputError."""
    if not value:
        return Output()
    _check_names(value, Output, "output field")
    variants = value.get("variants")
    for variant in variants if isinstance(variants, list) else ():
        _check_names(variant, Variant, "field of a variant")
    try:
        return msgspec.convert(value, Output)
    except msgspec.ValidationError as error:
        raise OutputError("output_invalid", _refusal(value) or f"output: {error}") from None


def resolve_output(*layers: Output) -> Output:
    """Lay the outputs over each other, most specific first, over the defaults, and check the limits.

    The result names every field that shapes an image, and only those: `quality` is None for png and pdf. The variants
    are those of the most specific layer that has any; what one says itself goes before all layers, and the result's own
    fields are those of the first one. Raises OutputError with the number and the limit.
    """
    common = _laid(*layers, DEFAULTS)
    variants = next((layer.variants for layer in layers if layer.variants is not None), None)
    if variants is None:
        return Output(**_checked(common))
    _check_variants(variants)
    resolved = [_resolved_variant(variant, Output(**common)) for variant in variants]
    return Output(variants=resolved, **_shape(resolved[0]))


def named_outputs(output: Output) -> list[tuple[str, Output]]:
    """Return the images of a resolved output by name: its variants, or one named `DEFAULT_NAME`."""
    if output.variants is None:
        return [(DEFAULT_NAME, output)]
    return [(variant.name, Output(**_shape(variant))) for variant in output.variants]


def device_size(output: Shape) -> tuple[int, int]:
    """Return width and height in device pixels of a resolved output, rounded as Chromium rounds them: up."""
    return device_pixels(output.width or 0, output.height or 0, output.scale or 1.0)


def device_pixels(width: float, height: float, scale: float) -> tuple[int, int]:
    """Return the size in device pixels, rounded up, of so many CSS pixels."""
    return -int(-width * scale // 1), -int(-height * scale // 1)


def check_device_size(width: int, height: int) -> None:
    """Raise OutputError `dimension_limit` for an image that no format can hold, with the number and the limit."""
    if max(width, height) > limits.SIDE_MAX_DEVICE_PIXELS:
        raise OutputError(
            "dimension_limit",
            f"the image would have {width:,} × {height:,} device pixels; "
            f"{limits.SIDE_MAX_DEVICE_PIXELS:,} a side are allowed",
        )
    if width * height > limits.AREA_MAX_DEVICE_PIXELS:
        raise OutputError(
            "dimension_limit",
            f"the image would have {width:,} × {height:,} = {width * height:,} device pixels; "
            f"{limits.AREA_MAX_DEVICE_PIXELS:,} are allowed",
        )


def _check_names(value: Any, known: type, kind: str) -> None:
    unknown = sorted(set(value) - {field.name for field in fields(known)}) if isinstance(value, dict) else []
    if unknown:
        names = ", ".join(field.name for field in fields(known))
        raise OutputError("output_invalid", f"unknown {kind} {_shown(unknown[0])}; {names} are allowed")


def _refusal(value: dict[str, Any]) -> str:
    for place, name, item in _entries(value):
        try:
            msgspec.convert(item, _TYPES.get(name, dict))
        except msgspec.ValidationError:
            return _refused(place, name, item)
    return ""


def _refused(place: str, name: str, value: object) -> str:
    return f"output field `{place}` is {_shown(value)}; {_ALLOWED[name]}"


def _entries(value: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield each field where it stands, with its name and its value."""
    for name, item in value.items():
        if name != "variants" or not isinstance(item, list):
            yield name, name, item
            continue
        for index, variant in enumerate(item):
            place = f"variants[{index}]"
            if not isinstance(variant, dict):
                yield place, "variant", variant
                continue
            for inner, shaped in ({"name": None} | variant).items():
                yield f"{place}.{inner}", inner, shaped


def _shown(value: object) -> str:
    if value is None:
        return "missing"
    if isinstance(value, list | dict):
        return "a list" if isinstance(value, list) else "an object"
    if isinstance(value, str) and len(value) > _SHOWN_MAX_CHARACTERS:
        return f"{value[:_SHOWN_MAX_CHARACTERS]!r}… ({len(value):,} characters)"
    if isinstance(value, int) and not limits.INTEGER_MIN <= value <= limits.INTEGER_MAX:
        return "an integer beyond 64 bits"
    return repr(value)


def _shape(layer: Shape) -> dict[str, Any]:
    return {name: getattr(layer, name) for name in _SHAPE}


def _laid(*layers: Shape) -> dict[str, Any]:
    shapes = [_shape(layer) for layer in layers]
    return {name: next((shape[name] for shape in shapes if shape[name] is not None), None) for name in _SHAPE}


def _check_variants(variants: list[Variant]) -> None:
    if not 1 <= len(variants) <= limits.VARIANTS_MAX:
        entries = f"{len(variants)} entries"
        raise OutputError("output_invalid", f"output field `variants` has {entries}; {_ALLOWED['variants']}")
    names = [variant.name for variant in variants]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OutputError(
            "output_invalid", f"output field `variants` has two entries named `{twice}`; one of each name is allowed"
        )


def _resolved_variant(variant: Variant, common: Output) -> Variant:
    try:
        return Variant(name=variant.name, **_checked(_laid(variant, common)))
    except OutputError as error:
        raise OutputError(error.code, f"variant `{variant.name}`: {error.message}") from None


def _checked(shape: dict[str, Any]) -> dict[str, Any]:
    """Return the shape without what its format does not use. Raises OutputError."""
    output = Output(**shape)
    _check_ranges(output)
    _check_format(output)
    try:
        check_device_size(*device_size(output))
    except OutputError as error:
        sides = f"`width` {output.width}, `height` {output.height} and `scale` {output.scale}"
        raise OutputError(error.code, f"with {sides} {error.message}") from None
    return shape if output.format in ("jpeg", "webp") else {**shape, "quality": None}


def _check_format(output: Output) -> None:
    transparent = f"output field `transparent` is true, which needs `format` png or webp instead of {output.format}"
    if output.transparent and output.format == "jpeg":
        raise OutputError("output_invalid", f"{transparent}; a jpeg has no alpha channel")
    if output.transparent and output.format == "pdf":
        raise OutputError("output_invalid", f"{transparent}; a PDF's page has no background anyway")
    if output.color_scheme == "dark" and output.format == "pdf":
        raise OutputError(
            "output_invalid",
            "output field `color_scheme` is 'dark', which needs `format` png, jpeg or webp instead of pdf; "
            "Chromium prints in light",
        )


def _check_ranges(output: Output) -> None:
    for name, (low, high) in _RANGES.items():
        value = getattr(output, name)
        if value is not None and not low <= value <= high:
            raise OutputError("output_invalid", _refused(name, name, value))
