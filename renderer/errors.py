"""Errors of the renderer."""

from collections.abc import Sequence

from schemas.codes import ErrorCode, is_retryable
from schemas.outcomes import Asset


class BrowserNotFoundError(Exception):
    """No usable Chromium binary; the message names the setting and what to install."""


class RenderError(Exception):
    """A document could not be drawn; `code` is of the contract, `retryable` says whether another attempt may help.

    `assets` lists the document's assets where they are the reason. The page that raised it is never used again, so a
    retry starts clean.
    """

    def __init__(self, code: ErrorCode, message: str, assets: Sequence[Asset] = ()) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
        self.assets = list(assets)
        self.retryable = is_retryable(code)
