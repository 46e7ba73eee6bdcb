"""How a request names a template: `<section>_latest`, `<section>@<version>` or a version's UUID."""

import re
from dataclasses import dataclass
from typing import Final, TypeAlias
from uuid import UUID

_SECTION: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_LATEST: Final = "_latest"


@dataclass(frozen=True, slots=True)
class Latest:
    """The version of the section that is active at the time of the request."""

    section: str


@dataclass(frozen=True, slots=True)
class Numbered:
    """This version of the section, active or not."""

    section: str
    version: int


@dataclass(frozen=True, slots=True)
class Identified:
    """The version with this id."""

    version_id: UUID


TemplateReference: TypeAlias = Latest | Numbered | Identified


def is_section(text: str) -> bool:
    """Say whether `text` can name a section: `[a-z0-9][a-z0-9_-]{0,62}`, not ending in `_latest`."""
    return _SECTION.fullmatch(text) is not None and not text.endswith(_LATEST)


def parse_reference(text: str) -> TemplateReference:
    """Return what `text` refers to. Raises ValueError with the three forms there are."""
    if text.endswith(_LATEST) and is_section(text.removesuffix(_LATEST)):
        return Latest(text.removesuffix(_LATEST))
    section, at, version = text.rpartition("@")
    if at and is_section(section) and re.fullmatch(r"[1-9][0-9]{0,8}", version):
        return Numbered(section, int(version))
    try:
        return Identified(UUID(text))
    except ValueError:
        raise ValueError(
            f"`{text[:100]}` names no template; write <section>_latest, <section>@<version> or a version's UUID"
        ) from None
