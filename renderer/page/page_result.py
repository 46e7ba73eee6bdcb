"""The result of drawing a document: its images, the assets it used, and the warnings about its picture."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, Self, cast

from renderer.page.readiness import LayoutReport
from renderer.rendering import AssetUsage, Image
from schemas import outcomes
from schemas.codes import WarningCode
from schemas.outcomes import Asset
from schemas.output import DEFAULT_NAME

NAMED_MAX: Final = 5
"""How many things of a kind a warning names."""
ERRORS_MAX: Final = 3
"""How many messages of scripts a warning has."""
_UNFINISHED: Final = "scripts had not ended when their time was over, so the picture may lack what they do"
_FONT: Final = "font "
"""Before the family of a broken font of the document, as `images_and_fonts.js` names it."""
_KINDS: Final[tuple[tuple[WarningCode, str, Callable[[LayoutReport], list[str]]], ...]] = (
    (
        "asset_invalid",
        "not shown, because the browser cannot read what a data: or blob: address holds",
        attrgetter("broken"),
    ),
    ("text_truncated", "cut with an ellipsis, because it does not fit its box", attrgetter("cut")),
    ("text_not_fitted", "`data-fit` has no effect here; see the documentation of templates", attrgetter("unfitted")),
    ("text_not_fitted", "without effect, write `shrink` or a number of pixels", attrgetter("misspelled")),
    ("content_clipped", "shown in part, because the rest would have to be scrolled to", attrgetter("clipped")),
    ("pdf_unsupported", "left out of the PDF, which has no such effect", attrgetter("unprinted")),
)
"""Codes and messages of what a page reports by name."""
_OF_VARIANTS: Final[frozenset[WarningCode]] = frozenset({"text_truncated"})
"""Codes whose warnings name the variants, because the size of the poster decides about them."""


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
    named_families: frozenset[str]
    """In lower case, families whose font in the document itself is broken, which a warning says already."""
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
        script_errors: Sequence[str] = (),
        composed_seconds: float,
        captured_seconds: float,
    ) -> Self:
        """Return the result of a visit that reported its layout once for each image."""
        return cls(
            images=images,
            characters="".join(report.characters for report in reports),
            families=[names for report in reports for names in report.text.families],
            broken_families=[name for report in reports for name in report.text.broken],
            named_families=frozenset(
                name.removeprefix(_FONT).lower()
                for report in reports
                for name in report.broken
                if name.startswith(_FONT)
            ),
            languages=[language for report in reports for language in report.text.languages],
            usage=usage,
            warnings=[
                *_asset_warnings(usage.assets),
                *_script_warnings(reports, script_errors),
                *_layout_warnings(reports, [image.name for image in images]),
            ],
            composed_seconds=composed_seconds,
            captured_seconds=captured_seconds,
        )


def _asset_warnings(assets: list[Asset]) -> list[outcomes.PosterWarning]:
    """Return one warning for each reason for which assets are missing, with the first addresses of each detail."""
    missing: dict[WarningCode, dict[str | None, dict[str, None]]] = {}
    for asset in assets:
        if asset.reason:
            details = missing.setdefault(cast("WarningCode", asset.reason), {})
            details.setdefault(asset.detail, {})[asset.url] = None
    return [
        outcomes.PosterWarning(
            code=code, message=f"not loaded: {_first([_named(*each) for each in details.items()], between='; ')}"
        )
        for code, details in missing.items()
    ]


def _named(detail: str | None, urls: Iterable[str]) -> str:
    return _first(list(urls)) + (f" ({detail})" if detail else "")


def _script_warnings(reports: Sequence[LayoutReport], errors: Sequence[str]) -> list[outcomes.PosterWarning]:
    """Return a warning where scripts failed or had no time to end, with the first three messages."""
    unfinished = [_UNFINISHED] if any(report.unfinished for report in reports) else []
    messages = [*errors, *unfinished]
    if not messages:
        return []
    return [outcomes.PosterWarning(code="script_error", message=_first(messages, ERRORS_MAX, "; "))]


def _layout_warnings(reports: Sequence[LayoutReport], outputs: Sequence[str]) -> list[outcomes.PosterWarning]:
    """Return a warning for each kind of thing that the page reports, with the first five of them."""
    warnings = []
    for code, message, named in _KINDS:
        found: dict[str, list[str]] = {}
        for report, output in zip(reports, outputs, strict=True):
            for name in dict.fromkeys(named(report)):
                found.setdefault(name, []).append(output)
        names = [_with_outputs(name, where) if code in _OF_VARIANTS else name for name, where in found.items()]
        if names:
            warnings.append(outcomes.PosterWarning(code=code, message=f"{message}: {_first(names)}"))
    return warnings


def _with_outputs(name: str, outputs: Sequence[str]) -> str:
    """Return the name with the variants that it is about, if the poster has variants."""
    return name if list(outputs) == [DEFAULT_NAME] else f"{name} ({', '.join(outputs)})"


def _first(names: Sequence[str], shown: int = NAMED_MAX, between: str = ", ") -> str:
    """Return the first names, with what a terminal obeys or what reorders text escaped: the document chose them."""
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return f"{between.join(_printable(name) for name in names[:shown])}{more}"


def _printable(name: str) -> str:
    return "".join(each if each.isprintable() else f"\\u{ord(each):04x}" for each in name)
