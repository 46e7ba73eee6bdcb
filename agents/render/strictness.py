"""`strict` posters: they fail where a lenient one is completed with a warning."""

from collections.abc import Sequence
from typing import Final, cast

from renderer.errors import RenderError
from schemas.codes import ErrorCode, is_retryable
from schemas.outcomes import Asset, PosterWarning

_FATAL_WARNINGS: Final = ("text_truncated", "asset_invalid", "script_error")
_DETAILS_MAX: Final = 5


def refuse_missing_assets(assets: Sequence[Asset]) -> None:
    """Raise RenderError, naming all missing assets, where one is missing. A code without a retry takes precedence."""
    missing = [asset for asset in assets if not asset.ok]
    if missing:
        codes = [cast("ErrorCode", asset.reason or "asset_blocked") for asset in missing]
        code = next((code for code in codes if not is_retryable(code)), codes[0])
        named = ", ".join(f"{asset.url} ({_why(asset)})" for asset in missing)
        details = list(dict.fromkeys(asset.detail for asset in missing if asset.detail))[:_DETAILS_MAX]
        raise RenderError(code, "; ".join([f"strict: missing {named}", *details]), assets)


def refuse_fatal_warnings(warnings: Sequence[PosterWarning]) -> None:
    """Raise RenderError with the code of the first warning that fails a strict poster."""
    for warning in warnings:
        if warning.code in _FATAL_WARNINGS:
            raise RenderError(cast("ErrorCode", warning.code), f"strict: {warning.message}")


def _why(asset: Asset) -> str:
    return f"{asset.reason} {asset.status}" if asset.reason == "asset_status" else str(asset.reason)
