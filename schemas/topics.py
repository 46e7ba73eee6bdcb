"""Every topic and the event types on it. Partitions and retention are in `streams/topics.py`."""

from typing import Final

POSTER_REQUESTS: Final = "poster-requests"
POSTER_REPLAYS: Final = "poster-replays"
POSTER_RENDERS: Final = "poster-renders"
POSTER_RENDERS_BULK: Final = "poster-renders-bulk"
POSTER_RETRIES: Final = ("poster-retries-1", "poster-retries-2", "poster-retries-3")
POSTER_PROGRESS: Final = "poster-progress"
POSTER_COMPLETIONS: Final = "poster-completions"
POSTER_LOGS: Final = "poster-logs"
JOB_EVENTS: Final = "job-events"
JOB_CANCELLATIONS: Final = "job-cancellations"
TEMPLATE_COMMANDS: Final = "template-commands"
TEMPLATE_EVENTS: Final = "template-events"
TEMPLATE_CATALOG: Final = "template-catalog"
DEAD_LETTERS: Final = "dead-letters"

EVENT_TYPES: Final[dict[str, tuple[str, ...]]] = {
    POSTER_REQUESTS: (
        "poster.requested",
        "batch.requested",
        "job.cancel_requested",
        "poster.erase_requested",
        "job.replay_requested",
    ),
    POSTER_REPLAYS: ("poster.requested", "batch.requested"),
    POSTER_RENDERS: ("poster.pinned",),
    POSTER_RENDERS_BULK: ("poster.pinned",),
    **dict.fromkeys(POSTER_RETRIES, ("poster.pinned",)),
    POSTER_PROGRESS: ("poster.queued", "poster.processing", "poster.retrying"),
    POSTER_COMPLETIONS: ("poster.completed", "poster.failed", "poster.cancelled", "poster.erased"),
    POSTER_LOGS: ("log.recorded",),
    JOB_EVENTS: ("job.progressed", "job.completed", "job.failed", "job.cancelled"),
    JOB_CANCELLATIONS: ("job.cancellation",),
    TEMPLATE_COMMANDS: (
        "template.upload",
        "template.update",
        "template.activate",
        "template.archive",
        "template.preview",
        "template.get",
    ),
    TEMPLATE_EVENTS: (
        "template.uploaded",
        "template.activated",
        "template.archived",
        "template.previewed",
        "template.described",
        "template.rejected",
    ),
    TEMPLATE_CATALOG: ("template.uploaded",),
    # Dead letters are the original bytes of any topic; they have no type of their own.
    DEAD_LETTERS: (),
}

KEYS: Final[dict[str, str]] = {
    POSTER_REQUESTS: "job_id",
    POSTER_REPLAYS: "job_id",
    POSTER_RENDERS: "input_digest",
    POSTER_RENDERS_BULK: "input_digest",
    **dict.fromkeys(POSTER_RETRIES, "input_digest"),
    POSTER_PROGRESS: "job_id",
    POSTER_COMPLETIONS: "job_id",
    POSTER_LOGS: "job_id",
    JOB_EVENTS: "job_id",
    JOB_CANCELLATIONS: "job_id",
    TEMPLATE_COMMANDS: "section",
    TEMPLATE_EVENTS: "section",
    TEMPLATE_CATALOG: "<section>@<template_version>",
    DEAD_LETTERS: "the original record's key",
}
"""What the key of a topic's records is, as raw UTF-8: a field of the event, unless it says otherwise."""


def own_topic(shared: str, source: str) -> str:
    """Return the topic of one source beside a shared one: `poster-requests.shop` beside `poster-requests`."""
    return f"{shared}.{source}"
