"""The closed list of codes: why a poster failed, or what to know about one that did not."""

from typing import Final, Literal, get_args

ErrorCode = Literal[
    "invalid_request",
    "template_not_found",
    "template_syntax",
    "template_data",
    "incomplete_batch",
    "expired",
    "output_invalid",
    "asset_blocked",
    "asset_status",
    "asset_too_large",
    "asset_invalid",
    "text_truncated",
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
    "text_truncated",
    "unknown_data",
    "missing_glyphs",
]

Retry = Literal["never", "once", "always"]

ERROR_CODES: Final[tuple[ErrorCode, ...]] = get_args(ErrorCode)
WARNING_CODES: Final[tuple[WarningCode, ...]] = get_args(WarningCode)

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
