"""What a poster comes out as: the `output` object, its defaults and its limits."""

from dataclasses import dataclass, fields
from typing import Annotated, Any, Final, Literal

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
        raise OutputError("output_invalid", f"output: {error}") from None


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
    """Return the images of a resolved output by name: its variants, or one named `default`."""
    if output.variants is None:
        return [("default", output)]
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
        raise OutputError("output_invalid", f"unknown {kind} {unknown[0][:80]!r}")


def _shape(layer: Shape) -> dict[str, Any]:
    return {name: getattr(layer, name) for name in _SHAPE}


def _laid(*layers: Shape) -> dict[str, Any]:
    shapes = [_shape(layer) for layer in layers]
    return {name: next((shape[name] for shape in shapes if shape[name] is not None), None) for name in _SHAPE}


def _check_variants(variants: list[Variant]) -> None:
    if not 1 <= len(variants) <= limits.VARIANTS_MAX:
        raise OutputError(
            "output_invalid",
            f"output field `variants` has {len(variants)} entries; 1 to {limits.VARIANTS_MAX} are allowed",
        )
    names = [variant.name for variant in variants]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise OutputError("output_invalid", f"output field `variants` has two entries named `{twice}`")


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
    check_device_size(*device_size(output))
    return shape if output.format in ("jpeg", "webp") else {**shape, "quality": None}


def _check_format(output: Output) -> None:
    if output.transparent and output.format == "jpeg":
        raise OutputError("output_invalid", "`transparent` needs png or webp; jpeg has no alpha channel")
    if output.transparent and output.format == "pdf":
        raise OutputError("output_invalid", "`transparent` needs png or webp; a PDF's page has no background anyway")
    if output.color_scheme == "dark" and output.format == "pdf":
        raise OutputError("output_invalid", "`color_scheme` dark needs png, jpeg or webp; Chromium prints in light")


def _check_ranges(output: Output) -> None:
    for name, low, high in (
        ("width", 1, limits.SIDE_MAX_CSS_PIXELS),
        ("height", 1, limits.SIDE_MAX_CSS_PIXELS),
        ("scale", limits.SCALE_MIN, limits.SCALE_MAX),
        ("quality", 1, 100),
    ):
        value = getattr(output, name)
        if value is not None and not low <= value <= high:
            raise OutputError("output_invalid", f"output field `{name}` is {value}; {low:,} to {high:,} are allowed")
