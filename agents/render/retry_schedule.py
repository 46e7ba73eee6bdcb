"""The retry policy: whether a failed poster gets another attempt, and after which delay."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from schemas.codes import ErrorCode, retry_rule

TIERS: Final = 3
TIERS_OF_SLOW: Final = 1
"""Tiers for posters of template versions that timed out again and again."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Another attempt through this retry tier, not before `due_at`."""

    tier: int
    due_at: datetime


def retry_for(
    code: ErrorCode, attempt: int, delays: Sequence[float], now: datetime, *, is_slow: bool = False
) -> Retry | None:
    """Return the next attempt of a poster that failed with `code` on its `attempt` (from 1), None where there is none.

    `delays` are the seconds of tiers 1 to 3: attempt n goes through tier n, so there are four attempts at most, and two
    of a template version that `is_slow`.
    """
    rule = retry_rule(code)
    tiers = TIERS_OF_SLOW if is_slow else TIERS
    if rule == "never" or attempt > tiers or (rule == "once" and attempt > 1):
        return None
    return Retry(tier=attempt, due_at=now + timedelta(seconds=delays[attempt - 1]))
