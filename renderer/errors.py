"""How a rendering fails."""

from collections.abc import Sequence

from schemas.codes import ErrorCode, is_retryable
from schemas.outcomes import Asset


class BrowserNotFoundError(Exception):
    """No usable Chromium binary; the message names the setting and what to install."""


class RenderError(Exception):
    """A poster could not be made; `code` is from the closed list, `retryable` says whether another attempt may help.
    `assets` has what became of the document's assets where that is why.

    The page that raised it is never used again, so a retry starts clean.
    """

    def __init__(self, code: ErrorCode, message: str, assets: Sequence[Asset] = ()) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
        self.assets = list(assets)
        self.retryable = is_retryable(code)
