"""What the render role needs of a fetcher of network assets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from schemas.codes import WarningCode

Kind = Literal["image", "stylesheet", "font"]
KINDS: Final[tuple[Kind, ...]] = ("image", "stylesheet", "font")
Received = Callable[[int], None]
"""Is told, whenever more of an asset has come, how many bytes there are of it by now."""


def ignore(_: int) -> None:
    """Do nothing with what is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """An asset as it came: the browser is given `body` as `content_type`.

    `pixels` counts those of a raster image. Until `fresh_until`, by `time.monotonic`, the asset stands for itself.
    """

    body: bytes
    content_type: str
    status: int = 200
    pixels: int = 0
    fresh_until: float = 0.0


class AssetError(Exception):
    """An asset is not to be had; `code` says why, `status` is what the server answered, if it did."""

    def __init__(self, code: WarningCode, status: int | None = None) -> None:
        super().__init__(code)
        self.code: WarningCode = code
        self.status = status


class AssetFetcher(Protocol):
    """Gets network assets for documents. It bounds the time of each; the browser waits for it."""

    async def fetch(self, url: str, kind: Kind, received: Received = ignore) -> Fetched:
        """Return the asset, and meanwhile tell how much of it is there. Raises AssetError."""
        ...
