"""The port through which documents get network assets, and the values that pass it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from schemas.codes import WarningCode

Kind = Literal["image", "stylesheet", "font", "script"]
KINDS: Final[tuple[Kind, ...]] = ("image", "stylesheet", "font", "script")
Received = Callable[[int], None]
"""Called with the number of bytes received so far, whenever there are more."""


def ignore(_: int) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A fetched asset: the browser gets `body` as `content_type`.

    `pixels` counts those of a raster image. It is fresh until `fresh_until`, by `time.monotonic`. `digests` are those
    of a style sheet or script as it came, before anything rewrote it: in base64, by the algorithms of `integrity`.
    """

    body: bytes
    content_type: str
    status: int = 200
    pixels: int = 0
    fresh_until: float = 0.0
    digests: Mapping[str, str] = field(default_factory=dict)


class AssetError(Exception):
    """An asset is missing: `code` and, in words, `detail` say why; `status` is the server's, if it answered."""

    def __init__(self, code: WarningCode, status: int | None = None, detail: str | None = None) -> None:
        super().__init__(code, detail)
        self.code: WarningCode = code
        self.status = status
        self.detail = detail


class AssetFetcher(Protocol):
    """Fetches network assets for documents. It bounds the time of each, because a page waits for it."""

    async def fetch(self, url: str, kind: Kind, received: Received = ignore) -> Fetched:
        """Return the asset; call `received` as it arrives. Raises AssetError."""
        ...
