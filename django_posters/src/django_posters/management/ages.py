"""The argument `--older-than` of commands."""

import argparse
from datetime import timedelta
from typing import Final

from django.core.management.base import CommandParser

_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_MAX_DAYS: Final = 36_500


def add_older_than(parser: CommandParser, *, default: str | None, what: str) -> None:
    """Add `--older-than`, which is required where there is no default."""
    text = f"{what}; such as 90d, 12h or 30m" + (f" (default: {default})" if default else "")
    parser.add_argument("--older-than", type=parse_age, default=default, required=default is None, help=text)


def parse_age(text: str) -> timedelta:
    """Return the timedelta that `90d`, `12h`, `30m` or `10s` means. Raises ArgumentTypeError."""
    number, unit = text[:-1], text[-1:]
    if not number.isdecimal() or unit not in _SECONDS or int(number) * _SECONDS[unit] > _MAX_DAYS * _SECONDS["d"]:
        raise argparse.ArgumentTypeError(f"{text!r} is no age; write it as 90d, 12h or 30m")
    return timedelta(seconds=int(number) * _SECONDS[unit])
