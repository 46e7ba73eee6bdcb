"""Values that go into the engine and come out of it: requests, renderings, images and the use of assets."""

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field, replace

from schemas import outcomes
from schemas.fields import Priority
from schemas.output import DEFAULTS, Format, Output, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """One document to draw. `output` is resolved: every field that shapes the image is set.

    `deadline_seconds` counts from the first asset that is fetched; waiting for a free worker is not in it. Of the
    documents that wait for one, those of the `normal` lane are first, and `bulk` has at least a fifth of the turns. In
    a lane the sources have equal shares of the workers' time. Documents of one `cost_kind` cost about the same.
    """

    html: str
    output: Output = DEFAULTS
    javascript: bool = False
    deadline_seconds: float = 15.0
    lane: Priority = "normal"
    source: str | None = None
    cost_kind: Hashable = None

    def visits(self) -> "list[RenderRequest]":
        """Return the visits of a page that it takes: one for all variants that share locale, time zone and scale.

        A page has one locale and one time zone from its first script on, and keeps the metrics of fonts of its scale.
        """
        variants: dict[tuple[str | None, str | None, float], list[Variant]] = {}
        for variant in self.output.variants or ():
            variants.setdefault((variant.locale, variant.timezone, variant.scale or 1.0), []).append(variant)
        if len(variants) < 2:
            return [self]
        return [
            replace(self, output=replace(self.output, variants=group, locale=locale, timezone=timezone))
            for (locale, timezone, _), group in variants.items()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The bytes of one image; width and height in device pixels."""

    name: str
    data: bytes
    width: int
    height: int
    format: Format


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetUsage:
    """The network assets of a document, fetched or missing.

    `contents` has, in the order of `assets`, the SHA-256 of each that was fetched. `fresh_until` is when the first of
    them becomes stale, by `time.monotonic`; where one is missing it has passed.
    """

    assets: list[outcomes.Asset] = field(default_factory=list)
    contents: list[str | None] = field(default_factory=list)
    fresh_until: float = math.inf

    @classmethod
    def of_all(cls, visits: "Iterable[AssetUsage]") -> "AssetUsage":
        """Return the assets of several visits, each named once."""
        visits = list(visits)
        # Addresses are shown without their query, so that two may look alike and differ in content.
        found: dict[tuple[str, str | None], tuple[outcomes.Asset, str | None]] = {}
        for usage in visits:
            for asset, content in zip(usage.assets, usage.contents, strict=True):
                found.setdefault((asset.url, content), (asset, content))
        return cls(
            assets=[asset for asset, _ in found.values()],
            contents=[content for _, content in found.values()],
            fresh_until=min((usage.fresh_until for usage in visits), default=math.inf),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Timings:
    """Where a rendering's time went, in seconds: `fetched` assets, `waited` for a worker, then layout and capture."""

    waited: float
    composed: float
    captured: float
    fetched: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendering:
    """A finished rendering. It is degraded when `warnings` names an asset that is missing."""

    images: list[Image]
    usage: AssetUsage = field(default_factory=AssetUsage)
    warnings: list[outcomes.PosterWarning] = field(default_factory=list)
    timings: Timings

    @property
    def assets(self) -> list[outcomes.Asset]:
        """An entry for each address that the document asked for."""
        return self.usage.assets
