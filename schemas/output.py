"""What a poster comes out as: the `output` object, its defaults and its limits."""

from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

import msgspec

from . import limits
from .codes import ErrorCode
from .fields import Text

Format = Literal["png", "jpeg", "webp", "pdf"]
ColorScheme = Literal["light", "dark"]

CONTENT_TYPES: Final[dict[Format, str]] = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "pdf": "application/pdf",
}
EXTENSIONS: Final[dict[Format, str]] = {"png": "png", "jpeg": "jpg", "webp": "webp", "pdf": "pdf"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Size and format of a poster; a field that is None takes the template's value, else the default.

    `width` and `height` are CSS pixels, `scale` device pixels per CSS pixel, `quality` 1 to 100 (jpeg, webp).
    """

    format: Format | None = None
    width: int | None = None
    height: int | None = None
    scale: float | None = None
    quality: int | None = None
    transparent: bool | None = None
    full_page: bool | None = None
    selector: Text | None = None
    color_scheme: ColorScheme | None = None
    locale: Text | None = None
    timezone: Text | None = None
    variants: list[dict[str, Any]] | None = None


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
NOT_YET: Final = ("full_page", "selector", "color_scheme", "locale", "timezone", "variants")
"""Fields that are refused, not ignored, as long as no renderer honours them."""


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
    unknown = sorted(set(value) - {field.name for field in fields(Output)})
    if unknown:
        raise OutputError("output_invalid", f"unknown output field {unknown[0][:80]!r}")
    try:
        return msgspec.convert(value, Output)
    except msgspec.ValidationError as error:
        raise OutputError("output_invalid", f"output: {error}") from None


def resolve_output(*layers: Output) -> Output:
    """Lay the outputs over each other, most specific first, over the defaults, and check the limits.

    The result names every field that shapes the image, and only those: `quality` is None for png.
    Raises OutputError with the number and the limit.
    """
    chosen: dict[str, Any] = {}
    for field in fields(Output):
        values = (getattr(layer, field.name) for layer in (*layers, DEFAULTS))
        chosen[field.name] = next((value for value in values if value is not None), None)
    output = Output(**chosen)
    _check_supported(output)
    _check_ranges(output)
    _check_size(output)
    return output if output.format in ("jpeg", "webp") else replace(output, quality=None)


def _check_supported(output: Output) -> None:
    if output.format == "pdf":
        raise OutputError("output_invalid", "format `pdf` is not available yet; use png, jpeg or webp")
    for name in NOT_YET:
        if getattr(output, name) != getattr(DEFAULTS, name):
            raise OutputError("output_invalid", f"output field `{name}` is not available yet; leave it out")
    if output.transparent and output.format == "jpeg":
        raise OutputError("output_invalid", "`transparent` needs png or webp; jpeg has no alpha channel")


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


def device_size(output: Output) -> tuple[int, int]:
    """Return width and height in device pixels of a resolved output, rounded as Chromium rounds them: up."""
    width, height, scale = output.width or 0, output.height or 0, output.scale or 1.0
    return -int(-width * scale // 1), -int(-height * scale // 1)


def _check_size(output: Output) -> None:
    width, height = device_size(output)
    if max(width, height) > limits.SIDE_MAX_DEVICE_PIXELS:
        raise OutputError(
            "dimension_limit",
            f"a side would have {max(width, height):,} device pixels; {limits.SIDE_MAX_DEVICE_PIXELS:,} are allowed",
        )
    if width * height > limits.AREA_MAX_DEVICE_PIXELS:
        raise OutputError(
            "dimension_limit",
            f"the image would have {width * height:,} device pixels; {limits.AREA_MAX_DEVICE_PIXELS:,} are allowed",
        )
