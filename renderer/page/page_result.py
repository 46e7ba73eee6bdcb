"""The result of drawing a document: its images, the assets it used, and the warnings about its picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self, cast

from renderer.page.readiness import LayoutReport
from renderer.rendering import AssetUsage, Image
from schemas import outcomes
from schemas.codes import WarningCode
from schemas.outcomes import Asset

NAMED_MAX: Final = 5
"""How many things of a kind a warning names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageResult:
    """What one visit of a page yields. Variants that differ in locale, time zone or scale take several visits."""

    images: list[Image]
    characters: str
    """Distinct characters outside ASCII that are left to the installed fonts."""
    families: list[list[str]]
    """Lists of families that texts ask for, each up to the first font of the document."""
    broken_families: list[str]
    """In lower case, families that the document has a font for which did not load."""
    languages: list[str]
    """Languages of texts that shall be hyphenated; empty where a text has none."""
    usage: AssetUsage
    warnings: list[outcomes.PosterWarning]
    composed_seconds: float
    captured_seconds: float

    @classmethod
    def of(
        cls,
        images: list[Image],
        reports: Sequence[LayoutReport],
        usage: AssetUsage,
        *,
        composed_seconds: float,
        captured_seconds: float,
    ) -> Self:
        """Return the result of a visit that reported its layout once for each image."""
        return cls(
            images=images,
            characters="".join(report.characters for report in reports),
            families=[names for report in reports for names in report.text.families],
            broken_families=[name for report in reports for name in report.text.broken],
            languages=[language for report in reports for language in report.text.languages],
            usage=usage,
            warnings=[*_asset_warnings(usage.assets), *_image_warnings(reports), *_text_warnings(reports)],
            composed_seconds=composed_seconds,
            captured_seconds=captured_seconds,
        )


def _asset_warnings(assets: list[Asset]) -> list[outcomes.PosterWarning]:
    """Return one warning for each reason for which assets are missing, with the first five addresses."""
    missing: dict[WarningCode, list[str]] = {}
    for asset in assets:
        urls = missing.setdefault(cast("WarningCode", asset.reason), []) if asset.reason else []
        if asset.url not in urls:
            urls.append(asset.url)
    return [outcomes.PosterWarning(code=code, message=f"not loaded: {_first(urls)}") for code, urls in missing.items()]


def _image_warnings(reports: Sequence[LayoutReport]) -> list[outcomes.PosterWarning]:
    """Return a warning where a data: image of the document is broken; it has no address to be named by."""
    if not any(report.broken for report in reports):
        return []
    message = "not shown: an image that the document holds itself, in a data: address, cannot be decoded"
    return [outcomes.PosterWarning(code="asset_invalid", message=message)]


def _text_warnings(reports: Sequence[LayoutReport]) -> list[outcomes.PosterWarning]:
    """Return a warning where texts were cut, with the first five of them."""
    cut = list(dict.fromkeys(text for report in reports for text in report.cut))
    if not cut:
        return []
    message = f"cut with an ellipsis, because it does not fit its box: {_first(cut)}"
    return [outcomes.PosterWarning(code="text_truncated", message=message)]


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED_MAX} more" if len(names) > NAMED_MAX else ""
    return f"{', '.join(names[:NAMED_MAX])}{more}"
