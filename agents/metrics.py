"""Metrics of posters: rendering, retries, storage and the sink. Those of every role are in `streams/metrics.py`.

They are defined here and nowhere else. Labels have few values: no job, key or offset among them. Times are in seconds.
"""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_WORK_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30)
_WAIT_SECONDS: Final = (0.05, 0.25, 1, 2.5, 5, 10, 30, 60, 300, 600, 3600)
_SOURCE_WAIT_SECONDS: Final = (0.25, 1, 5, 30, 300)
"""Few, because each source has its own."""
_FLUSH_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 30)
_BATCH_ROWS: Final = (1, 5, 10, 50, 100, 250, 500, 1000, 2500)

RENDER_SECONDS: Final = Histogram(
    "poster_render_duration_seconds", "Drawing a poster, without waiting", ["format"], buckets=_WORK_SECONDS
)
UPLOAD_SECONDS: Final = Histogram(
    "poster_upload_duration_seconds", "Storing an image", ["format"], buckets=_WORK_SECONDS
)
QUEUE_SECONDS: Final = Histogram(
    "poster_queue_wait_seconds", "From the request to the beginning of its rendering", ["lane"], buckets=_WAIT_SECONDS
)
SLOW_TEMPLATES: Final = Gauge(
    "poster_slow_templates", "Template versions that timed out twice in a row: one poster at a time, and one retry"
)
SOURCE_QUEUE_SECONDS: Final = Histogram(
    "poster_source_queue_wait_seconds",
    "From the request to the beginning of its rendering, by source",
    ["source"],
    buckets=_SOURCE_WAIT_SECONDS,
)
SOURCE_POSTERS: Final = Counter("poster_source_posters_total", "Posters whose rendering began, by source", ["source"])
SOURCE_COST: Final = Counter(
    "poster_source_render_seconds_total", "Seconds for which documents of a source held a browser", ["source"]
)
RETRIES: Final = Counter("poster_retries_total", "Posters sent to a retry tier", ["tier", "error_code"])
BROWSER_RESTARTS: Final = Counter(
    "poster_browser_restarts_total", "Browsers replaced because they ended or were worn", ["reason"]
)
BREAKER_OPEN: Final = Gauge("poster_storage_breaker_open", "1 while the storage is unavailable and rendering pauses")

SOURCE_MISMATCHES: Final = Counter(
    "poster_source_mismatch_total", "Requests and commands refused because of their source", ["command"]
)
QUOTA_EXCEEDED: Final = Counter(
    "poster_quota_exceeded_total", "Posters refused because of a quota of their source", ["source", "quota"]
)
OUTCOMES: Final = Counter(
    "poster_outcomes_total", "Posters whose outcome was recorded, each once", ["status", "error_code"]
)
END_TO_END: Final = Histogram(
    "poster_end_to_end_seconds",
    "From the request to the recorded outcome; `kind` is `single` or `batch`",
    ["kind"],
    buckets=_WAIT_SECONDS,
)
CONFLICTS: Final = Counter(
    "poster_terminal_conflicts_total", "Outcomes that contradicted an earlier one and were not applied"
)
SINK_RECORDS: Final = Counter("poster_sink_records_total", "Records the sink has written")
SINK_MOVED: Final = Counter("poster_sink_moved_total", "Posters whose state moved")
SINK_LOGGED: Final = Counter("poster_sink_logged_total", "Log lines written")
SINK_SKIPPED: Final = Counter("poster_sink_skipped_total", "Requests the sink could not read; intake answers for them")
SINK_FLUSH_SECONDS: Final = Histogram(
    "poster_sink_flush_seconds", "One transaction of the sink, with its waits", buckets=_FLUSH_SECONDS
)
SINK_BATCH_ROWS: Final = Histogram("poster_sink_batch_rows", "Rows in one transaction", buckets=_BATCH_ROWS)
SINK_BISECTIONS: Final = Counter("poster_sink_bisections_total", "Batches halved because the database refused a row")
