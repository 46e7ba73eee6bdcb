"""The closed list of codes: why a poster failed, or what to know about one that did not."""

from typing import Annotated, Final, Literal, get_args

from msgspec import Meta

ErrorCode = Literal[
    "invalid_request",
    "template_not_found",
    "template_syntax",
    "template_data",
    "incomplete_batch",
    "expired",
    "quota",
    "output_invalid",
    "asset_blocked",
    "asset_status",
    "asset_too_large",
    "asset_invalid",
    "relative_address",
    "text_truncated",
    "script_error",
    "asset_timeout",
    "dimension_limit",
    "output_too_large",
    "script_timeout",
    "navigated",
    "renderer_oom",
    "render_timeout",
    "renderer_crashed",
    "upload",
    "internal",
]

WarningCode = Literal[
    "asset_blocked",
    "asset_status",
    "asset_too_large",
    "asset_invalid",
    "asset_timeout",
    "relative_address",
    "text_truncated",
    "unknown_data",
    "missing_glyphs",
    "script_error",
    "content_clipped",
    "text_not_fitted",
    "pdf_unsupported",
    "font_missing",
    "hyphenation_missing",
    "locale_unknown",
]

Retry = Literal["never", "once", "always"]

_CODE: Final = r"^[a-z][a-z0-9_]{0,63}(?!\n)$"
ReadErrorCode = Annotated[str, Meta(pattern=_CODE, extra_json_schema={"enum": sorted(get_args(ErrorCode))})]
"""The code of a failure in an event. Readers also take one that only a newer build knows: readers may be older."""
ReadWarningCode = Annotated[str, Meta(pattern=_CODE, extra_json_schema={"enum": sorted(get_args(WarningCode))})]
"""The code of a warning in an event. Readers also take one that only a newer build knows."""

ERROR_CODES: Final[tuple[ErrorCode, ...]] = get_args(ErrorCode)
WARNING_CODES: Final[tuple[WarningCode, ...]] = get_args(WarningCode)

MEANINGS: Final[dict[ErrorCode | WarningCode, str]] = {
    "invalid_request": "The request does not fit the contract; the message says where.",
    "template_not_found": "No template answers to this template_id, or the version is archived.",
    "template_syntax": "The template does not compile.",
    "template_data": "Data that the template requires is missing or of the wrong type; every name is listed.",
    "incomplete_batch": "Parts of the batch did not arrive within the time allowed.",
    "expired": "The deadline passed before the poster was rendered.",
    "quota": "The source has used up a quota of the day; the message says which, and when the next day begins.",
    "output_invalid": "The output object asks for something unknown, out of range or not available.",
    "asset_blocked": "A network asset is at an address that may not be fetched.",
    "asset_status": "A network asset answered with an HTTP error status.",
    "asset_too_large": "A network asset is larger than the limit.",
    "asset_invalid": "A network asset is not the image, style sheet, font or script that it should be.",
    "relative_address": "An address without a host leads nowhere: a poster has no address of its own.",
    "asset_timeout": "A network asset did not arrive in time, or its server could not be reached.",
    "text_truncated": "A text did not fit its box and was cut with an ellipsis.",
    "dimension_limit": "The image would have more pixels than allowed, on a side or in all.",
    "output_too_large": "The image would have more bytes than allowed.",
    "script_timeout": "The template's JavaScript did not end in time.",
    "navigated": "The template tried to leave its page.",
    "renderer_oom": "The page took more memory than allowed.",
    "render_timeout": "Rendering did not end in time.",
    "renderer_crashed": "The browser died while rendering.",
    "upload": "The image could not be stored.",
    "internal": "A fault of this system, not of the request.",
    "unknown_data": "The request names data that the template does not use.",
    "missing_glyphs": "No font has these characters; they are listed.",
    "script_error": "A script of the template failed, or had not ended in time; the first three messages are listed.",
    "content_clipped": "An element of a full page shows a part of its content only, because it scrolls.",
    "text_not_fitted": "The text of an element with data-fit is left as it is.",
    "pdf_unsupported": "The PDF leaves out an effect of the style.",
    "font_missing": "A font family is neither installed nor brought by the template; another font is drawn.",
    "hyphenation_missing": "A text shall be hyphenated, and its language has no dictionary here.",
    "locale_unknown": "Filters do not know the locale of the output, and write in another.",
}

_RETRIED: Final[dict[ErrorCode, Retry]] = {
    # asset_timeout fails a poster in strict mode only, and there it is retried.
    "asset_timeout": "always",
    "renderer_oom": "once",
    "render_timeout": "always",
    "renderer_crashed": "always",
    "upload": "always",
    "internal": "always",
}


def retry_rule(code: ErrorCode) -> Retry:
    """Say whether a failure with this code is worth another attempt."""
    return _RETRIED.get(code, "never")


def is_retryable(code: ErrorCode) -> bool:
    """Say whether a failure with this code is ever tried again."""
    return retry_rule(code) != "never"
