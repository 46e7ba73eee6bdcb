"""What goes into the engine and what comes out."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from schemas import outcomes
from schemas.output import Format, Output, Variant


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderRequest:
    """One document to draw. `output` is resolved: every field that shapes the image is set.

    `deadline_seconds` counts from the first asset that is fetched; waiting for a free page is not in it. What is not
    `urgent` waits longer for one where others are.
    """

    html: str
    output: Output
    javascript: bool = False
    deadline_seconds: float = 15.0
    urgent: bool = True

    def visits(self) -> "list[RenderRequest]":
        """Return the visits of a page that it takes: one for all variants that share locale and time zone.

        A page has one locale and one time zone from its first script on.
        """
        variants: dict[tuple[str | None, str | None], list[Variant]] = {}
        for variant in self.output.variants or ():
            variants.setdefault((variant.locale, variant.timezone), []).append(variant)
        if len(variants) < 2:
            return [self]
        return [
            replace(self, output=replace(self.output, variants=group, locale=locale, timezone=timezone))
            for (locale, timezone), group in variants.items()
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
    """What became of a document's assets.

    `contents` has, in the order of `assets`, the SHA-256 of each that is there. `fresh_until` is the moment, by
    `time.monotonic`, from which they may be different ones; for missing ones it has passed.
    """

    assets: list[outcomes.Asset] = field(default_factory=list)
    contents: list[str | None] = field(default_factory=list)
    fresh_until: float = math.inf

    @classmethod
    def of_all(cls, visits: "Iterable[AssetUsage]") -> "AssetUsage":
        """Return what became of the assets in several visits, each named once."""
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
    """Where a rendering's time went, in seconds; `waited` for a page, then the two parts of the visit."""

    waited: float
    composed: float
    captured: float


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
