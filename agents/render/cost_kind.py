"""What the queue of a render worker reads of a poster before it is decoded: whose it is, and what it will cost."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from schemas.codec import UNREADABLE
from schemas.output import Output

CostKind = tuple[UUID, str | None, int | None, int | None, float | None, int]
"""Posters of one kind cost about the same: a template version, and the format, sides, scale and number of images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderHead:
    """The fields of a `poster.pinned` that decide when it is rendered; none of them where it cannot be read."""

    source: str | None = None
    template_version_id: UUID | None = None
    output: Output | None = None

    @property
    def cost_kind(self) -> CostKind | None:
        """Its kind, or None where it cannot be read."""
        if self.template_version_id is None or self.output is None:
            return None
        return cost_kind(self.template_version_id, self.output)


_UNKNOWN = RenderHead()
_DECODER = msgspec.json.Decoder(RenderHead)


def cost_kind(template_version_id: UUID, output: Output) -> CostKind:
    """Return the kind of a poster."""
    images = len(output.variants) if output.variants else 1
    return template_version_id, output.format, output.width, output.height, output.scale, images


def read_head(value: bytes | None) -> RenderHead:
    """Return the head of a record on a render topic."""
    try:
        return _DECODER.decode(value or b"")
    except UNREADABLE:
        return _UNKNOWN
