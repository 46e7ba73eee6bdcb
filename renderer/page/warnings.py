"""What the warnings of a poster say of its picture."""

from collections.abc import Sequence
from typing import Final, cast

from renderer.page.readiness import LayoutReport
from schemas import outcomes
from schemas.codes import WarningCode
from schemas.outcomes import Asset

SHOWN: Final = 5
"""How many of a kind are named."""


def asset_warnings(assets: list[Asset]) -> list[outcomes.PosterWarning]:
    """Return one warning for each reason for which assets are missing, with the first five addresses."""
    missing: dict[WarningCode, list[str]] = {}
    for asset in assets:
        urls = missing.setdefault(cast("WarningCode", asset.reason), []) if asset.reason else []
        if asset.url not in urls:
            urls.append(asset.url)
    return [outcomes.PosterWarning(code=code, message=f"not loaded: {_first(urls)}") for code, urls in missing.items()]


def image_warnings(seen: Sequence[LayoutReport]) -> list[outcomes.PosterWarning]:
    """Return a warning where a document holds an image that is broken; it has no address to be named by."""
    if not any(composed.broken for composed in seen):
        return []
    message = "not shown: an image that the document holds itself, in a data: address, cannot be decoded"
    return [outcomes.PosterWarning(code="asset_invalid", message=message)]


def text_warnings(seen: Sequence[LayoutReport]) -> list[outcomes.PosterWarning]:
    """Return a warning where texts were cut, with the first five of them."""
    cut = list(dict.fromkeys(text for composed in seen for text in composed.cut))
    if not cut:
        return []
    message = f"cut with an ellipsis, because it does not fit its box: {_first(cut)}"
    return [outcomes.PosterWarning(code="text_truncated", message=message)]


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{', '.join(names[:SHOWN])}{more}"
