"""Metrics of every role: records, in-flight work, lag, dead letters. Those of posters are in `agents/metrics.py`.

No other module defines a metric. `docs/operations.md` lists them all; a test compares the two.

Labels have few values: no job, key or offset among them. Times are in seconds.
"""

from typing import Final

from prometheus_client import Counter, Gauge

BUILD_INFO: Final = Gauge("poster_build_info", "1, for the build that runs", ["build"])
RECEIVED: Final = Counter("poster_records_received_total", "Records delivered by the broker", ["role", "topic"])
IN_FLIGHT: Final = Gauge("poster_inflight", "Records that a role is working on", ["role"])
UNACKNOWLEDGED: Final = Gauge("poster_uncommitted_window", "Records delivered and not yet acknowledged", ["role"])
LAST_PROGRESS: Final = Gauge(
    "poster_last_progress_timestamp_seconds", "When a role last finished a record, in Unix time", ["role"]
)
WAITING: Final = Gauge("poster_waiting", "1 while a role waits for a declared reason; `/ready` says which", ["role"])
LAG: Final = Gauge(
    "poster_consumer_lag_messages", "Records of a partition that are not finished", ["role", "topic", "partition"]
)
LAG_SECONDS: Final = Gauge(
    "poster_consumer_lag_seconds", "Age of the oldest unacknowledged record", ["role", "topic", "partition"]
)
REBALANCES: Final = Counter("poster_rebalances_total", "Rebalances that revoked partitions of a role", ["role"])
DEAD_LETTERS: Final = Counter("poster_dlq_total", "Records published as dead letters", ["role", "reason"])
DEAD_LETTERS_SUPPRESSED: Final = Counter(
    "poster_dlq_suppressed_total", "Dead letters over the budget of their source: not logged one by one", ["role"]
)
DEAD_LETTER_LIMIT_EXCEEDED: Final = Gauge(
    "poster_fuse_blown", "1 while too many dead letters keep a role paused", ["role"]
)
