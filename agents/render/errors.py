"""How a rendering fails."""

from schemas.codes import ErrorCode, is_retryable


class RenderError(Exception):
    """A poster could not be made; `code` is from the closed list, `retryable` says whether another attempt may help.

    The page that raised it is never used again, so a retry starts clean.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.message = message
        self.retryable = is_retryable(code)
