"""Subresource integrity: the digests that a document asks of a style sheet or script (W3C SRI, section 3.3)."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

ALGORITHMS: Final = ("sha256", "sha384", "sha512")
"""From the weakest to the strongest; where a document names several, the strongest counts."""
_EXPRESSION: Final = re.compile(r"(sha256|sha384|sha512)-([A-Za-z0-9+/_-]+)={0,2}(?:\?.*)?")


@dataclass(frozen=True, slots=True)
class Integrity:
    """The digests of one algorithm, of which one has to be that of the content."""

    algorithm: str
    digests: frozenset[str]

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return what the attribute asks for; None where it asks for nothing that is known."""
        found: dict[str, set[str]] = {}
        for expression in text.split():
            match = _EXPRESSION.fullmatch(expression)
            if match:
                found.setdefault(match[1], set()).add(match[2].translate(_URL_SAFE))
        strongest = next((name for name in reversed(ALGORITHMS) if name in found), None)
        return None if strongest is None else cls(strongest, frozenset(found[strongest]))

    def accepts(self, digests: Mapping[str, str]) -> bool:
        """Say whether content with these digests, see `digests_of`, is what the document asks for."""
        return digests[self.algorithm] in self.digests


_URL_SAFE: Final = str.maketrans("-_", "+/")


def digests_of(body: bytes) -> dict[str, str]:
    """Return the digests of content by algorithm, in base64 without padding."""
    return {
        name: base64.b64encode(hashlib.new(name, body, usedforsecurity=True).digest()).decode().rstrip("=")
        for name in ALGORITHMS
    }
