"""Time zones by the names that Chromium takes: those of IANA, `GMT+2` and `GMT+05:30`, and ICU's old short names.

Scripts and filters of one poster have to show the same hour.
"""

import re
from datetime import timedelta, timezone, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

_FIXED: Final = re.compile(
    r"GMT(?P<sign>[+-])(?:(?P<hours>\d{1,2})(?::(?P<minutes>\d{2})(?::(?P<seconds>\d{2}))?)?"
    r"|(?P<hours_>\d{1,2})(?P<minutes_>\d{2})(?P<seconds_>\d{2})?)",
    re.ASCII | re.IGNORECASE,
)
SHORT_NAMES: Final = {
    "ACT": "Australia/Darwin",
    "AET": "Australia/Sydney",
    "AGT": "America/Argentina/Buenos_Aires",
    "ART": "Africa/Cairo",
    "AST": "America/Anchorage",
    "BET": "America/Sao_Paulo",
    "BST": "Asia/Dhaka",
    "CAT": "Africa/Maputo",
    "CNT": "America/St_Johns",
    "CST": "America/Chicago",
    "CTT": "Asia/Shanghai",
    "EAT": "Africa/Nairobi",
    "ECT": "Europe/Paris",
    "IET": "America/Indiana/Indianapolis",
    "IST": "Asia/Kolkata",
    "JST": "Asia/Tokyo",
    "MIT": "Pacific/Apia",
    "NET": "Asia/Yerevan",
    "NST": "Pacific/Auckland",
    "PLT": "Asia/Karachi",
    "PNT": "America/Phoenix",
    "PRT": "America/Puerto_Rico",
    "PST": "America/Los_Angeles",
    "SST": "Pacific/Guadalcanal",
    "VST": "Asia/Ho_Chi_Minh",
}
"""What ICU, and with it Chromium, makes of names that IANA does not have; each has the summer time of its place."""


def time_zone(name: str) -> tzinfo | None:
    """Return the time zone of a name, None where there is none; `GMT+2` is two hours ahead of UTC."""
    fixed = _FIXED.fullmatch(name)
    if fixed is not None:
        return _fixed(fixed)
    try:
        return ZoneInfo(SHORT_NAMES.get(name, name))
    except (ValueError, OSError, LookupError):
        return None


def _fixed(match: re.Match[str]) -> tzinfo | None:
    hours, minutes, seconds = (int(match[name] or match[f"{name}_"] or 0) for name in ("hours", "minutes", "seconds"))
    if hours > 23 or minutes > 59 or seconds > 59:
        return None
    ahead = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return timezone(ahead if match["sign"] == "+" else -ahead)
