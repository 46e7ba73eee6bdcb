"""Masks secrets in text for people: user info of URLs, passwords of settings and connection strings."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Final

MASK: Final = "***"
PASSWORDS: Final = ("POSTERS_BROKER_PASSWORD", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
"""Environment variables whose value is a secret."""
ADDRESSES: Final = ("POSTERS_BROKERS", "POSTERS_DATABASE_URL", "POSTERS_STORAGE_URL", "POSTERS_PUBLIC_URL")
"""Environment variables that may hold a secret before an `@`."""

_USER_INFO: Final = re.compile(r"(?<=://)[^\s/?#]+(?=@)")
_ASSIGNED: Final = re.compile(
    r"""((?:password|passwd|secret|secret_access_key|session_token)(?:\s*=\s*["'`]?|["']\s*:\s*["']))[^\s"'`&;,)]+""",
    re.IGNORECASE,
)


def mask_secrets(text: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the text with `***` for every secret: of this process's settings, of URLs, and of `password=…`."""
    for secret in sorted(_secrets(environment), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", MASK, text)
    text = _USER_INFO.sub(MASK, text)
    return _ASSIGNED.sub(rf"\1{MASK}", text)


def _secrets(environment: Mapping[str, str]) -> Iterator[str]:
    for name in PASSWORDS:
        if environment.get(name):
            yield environment[name]
    for name in ADDRESSES:
        value = environment.get(name, "")
        for address in value.split(",") if name == "POSTERS_BROKERS" else [value]:
            user_info = address.rpartition("@")[0].rpartition("://")[2]
            if ":" in user_info:
                yield user_info
