"""The argument `--wait` of commands that upload templates."""

import argparse
import math
from typing import Final

from django.core.management.base import CommandParser

WAIT_SECONDS: Final = 30.0
INTERRUPTED_STATUS: Final = 130
"""The usual exit status after Ctrl-C."""


def add_wait(parser: CommandParser, *, what: str) -> None:
    """Add `--wait`, with or without a number of seconds."""
    text = f"{what}, for {WAIT_SECONDS:g} seconds unless SECONDS says otherwise"
    parser.add_argument("--wait", type=_seconds, nargs="?", const=WAIT_SECONDS, metavar="SECONDS", help=text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no time to wait; write seconds, such as 60")
    return seconds
