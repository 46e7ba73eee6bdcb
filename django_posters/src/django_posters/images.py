"""An image of a poster: one of its variants, or its only one."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

ONLY: Final = "default"
"""Name of the image of a poster without variants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PosterImage:
    """One image: `width` and `height` in device pixels, `size` in bytes."""

    name: str
    url: str
    object_key: str = ""
    sha256: str = ""
    width: int | None = None
    height: int | None = None
    format: str = ""
    size: int | None = None

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Return the image that a row holds; names that this version does not know are left out."""
        return cls(**{field.name: stored[field.name] for field in fields(cls) if field.name in stored})

    def as_json(self) -> dict[str, Any]:
        """Return the image as a row holds it."""
        return asdict(self)

    @property
    def is_picture(self) -> bool:
        """Whether an `<img>` can show it: not a PDF."""
        return self.format != "pdf"


def density_of(name: str, variant: str) -> float | None:
    """Return 2.0 for `og@2x` of the variant `og`, 1.0 for `og` itself, None for another variant."""
    if name == variant:
        return 1.0
    base, _, density = name.rpartition("@")
    if base != variant or not density.endswith("x"):
        return None
    try:
        return float(density.removesuffix("x"))
    except ValueError:
        return None


def find_image(images: Iterable[PosterImage], name: str | None) -> PosterImage | None:
    """Return the image of this name, the first one for None; None where there is no such image."""
    return next((image for image in images if name is None or image.name == name), None)
