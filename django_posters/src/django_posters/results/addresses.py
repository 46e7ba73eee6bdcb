"""Addresses in results: pages show and link them, so one that could run a script is not stored."""

import logging
import re
from typing import Final

logger = logging.getLogger(__name__)

_ADDRESS: Final = re.compile(r"(?:https?://[^/]|file:///|/)[^\x00-\x1f\x7f\\<>\"`]*", re.IGNORECASE)
"""Of the web, of the storage's directory, or a path of this site."""
_SHOWN_CHARACTERS: Final = 60


def usable_address(url: str | None, of: str) -> str:
    """Return the address of an image; "", with a warning, where it is neither http(s) nor a path.

    Raises ValueError for one with a null character, which no column can store: its event becomes a dead letter.
    """
    if not url:
        return ""
    if "\0" in url:
        raise ValueError(f"the result of {of} has an address with a null character")
    if _ADDRESS.fullmatch(url) is None:
        logger.warning("the result of %s has the address %r, which is not stored", of, url[:_SHOWN_CHARACTERS])
        return ""
    return url
