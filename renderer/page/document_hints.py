"""Hints from a document's text about what its page has to check, because asking the page costs more than reading text.

A hint may be wrong in one direction only: the page then checks in vain. A document may hold images of megabytes, so the
text is searched for plain words, which is ten times faster than a pattern, in time linear in its length.
"""

import re
from dataclasses import dataclass, field
from typing import Final

_DECLARATION_ENDS: Final = re.compile(r"[;}]")
_TEXT_PROPERTY: Final = re.compile(r"(?:content|list-style(?:-type)?)\s*:")
_PRINT_EFFECTS: Final = ("backdrop-filter", "mix-blend-mode", "mask-composite", "backface-visibility", "preserve-3d")
_OTHER_TEXT: Final = re.compile(r"attr\(|\\|[^\x00-\x7f]")


@dataclass(slots=True)
class DocumentHints:
    """The hints of `html`. Scripts and external style sheets may do anything, so with them every hint is given."""

    html: str
    _lowered: str = field(init=False)
    style_sheets: bool = field(init=False)
    """Style may come from outside the text: by `@import`, a link or a script."""

    def __post_init__(self) -> None:
        self._lowered = self.html.lower()
        self.style_sheets = self._has("@import", "<link", "<script")

    @property
    def style_images(self) -> bool:
        """Style may show images."""
        return self.style_sheets or self._has("url(", "image-set(", "background=")

    @property
    def contents_later(self) -> bool:
        """Content may be deferred until it is scrolled to."""
        return self.style_sheets or self._has("content-visibility", "contentvisibility")

    @property
    def style_texts(self) -> bool:
        """Style may generate characters outside ASCII."""
        return self.style_sheets or (
            self._has("content", "list-style") and any(_shows_text(each) for each in self._declarations())
        )

    @property
    def hyphens(self) -> bool:
        """Style may hyphenate texts."""
        return self.style_sheets or self._has("hyphens")

    @property
    def fixed_backgrounds(self) -> bool:
        """A background may be fixed to the viewport."""
        return self.style_sheets or (
            self._has("background") and any(_fixes_background(each) for each in self._declarations())
        )

    @property
    def scrollers(self) -> bool:
        """An element may have content to scroll to."""
        return self.style_sheets or self._has("overflow", "<textarea")

    @property
    def print_effects(self) -> bool:
        """Something may have an effect that a PDF leaves out."""
        return self.style_sheets or self._has(*_PRINT_EFFECTS)

    def _has(self, *words: str) -> bool:
        return any(word in self._lowered for word in words)

    def _declarations(self) -> list[str]:
        return _DECLARATION_ENDS.split(self._lowered)


def _shows_text(declaration: str) -> bool:
    found = _TEXT_PROPERTY.search(declaration)
    return found is not None and _OTHER_TEXT.search(declaration, found.end()) is not None


def _fixes_background(declaration: str) -> bool:
    _, background, rest = declaration.partition("background")
    return bool(background) and "fixed" in rest
