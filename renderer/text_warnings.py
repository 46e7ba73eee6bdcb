"""Warnings about texts that Chromium draws otherwise than the document asks: no glyph, no font, no hyphenation."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from renderer.fonts.font_set import FontSet
from renderer.hyphenation.dictionaries import dictionary_for
from renderer.page.page_result import PageResult
from schemas.outcomes import PosterWarning

CHARACTERS_MAX: Final = 20
NAMES_MAX: Final = 5
NAME_LENGTH_MAX: Final = 60


def text_warnings(
    results: Sequence[PageResult], fonts: FontSet, dictionaries: frozenset[str]
) -> Iterator[PosterWarning]:
    """Yield a warning for each kind of lack; `dictionaries` are the names of those that the browser has."""
    if characters := fonts.missing("".join(result.characters for result in results)):
        named = " ".join(f"{character} (U+{ord(character):04X})" for character in characters[:CHARACTERS_MAX])
        yield PosterWarning(code="missing_glyphs", message=f"no installed font draws: {named}")
    if families := _missing_families(results, fonts):
        message = f"not installed and not brought by the template, so another font is drawn: {_listed(families)}"
        yield PosterWarning(code="font_missing", message=message)
    languages = dict.fromkeys(language for result in results for language in result.languages)
    if lacking := [problem for problem in (_hyphenation(each, dictionaries) for each in languages) if problem]:
        message = f"`hyphens: auto` does nothing: {_listed(lacking)}"
        yield PosterWarning(code="hyphenation_missing", message=message)


def _missing_families(results: Sequence[PageResult], fonts: FontSet) -> list[str]:
    """Return the families that nobody has. A font of the document that did not load counts where nothing names it."""
    lists = [names for result in results for names in result.families]
    named = {name for result in results for name in result.named_families}
    if any(asset.reason for result in results for asset in result.usage.assets):
        named |= {name for result in results for name in result.broken_families}
    return [name for name in fonts.missing_families(lists) if name.lower() not in named]


def _hyphenation(language: str, dictionaries: frozenset[str]) -> str | None:
    """Return why a text of the language is not hyphenated; None where it is, or where nobody would hyphenate it."""
    if not language:
        return "a text has no language, declare it with `lang`"
    name = dictionary_for(language)
    if name is None or name in dictionaries:
        return None
    return f"no dictionary for `{language[:NAME_LENGTH_MAX]}` is installed"


def _listed(names: Iterable[str]) -> str:
    cut = [name if len(name) <= NAME_LENGTH_MAX else f"{name[: NAME_LENGTH_MAX - 1]}…" for name in names]
    more = f" and {len(cut) - NAMES_MAX} more" if len(cut) > NAMES_MAX else ""
    return f"{', '.join(cut[:NAMES_MAX])}{more}"
