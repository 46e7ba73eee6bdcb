"""Topics, events and codes are the same in the types, in the published form and at the broker."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import yaml

from schemas.codec import EVENT_CLASSES, event_types
from schemas.codes import ERROR_CODES, WARNING_CODES, is_retryable, retry_rule
from schemas.topics import EVENT_TYPES, KEYS
from streams.topics import EDGES, TOPICS
from tests.contract.published import ROOT, SCHEMAS

DAYS = 24 * 60 * 60 * 1000
MEBIBYTE = 1024 * 1024

# The contract's table, by hand: partitions, key, policy, days, LogAppendTime, largest record.
AGREED: dict[str, tuple[int, str, str, int | None, bool, int]] = {
    "poster-requests": (6, "job_id", "delete", 7, True, 4 * MEBIBYTE),
    "poster-replays": (6, "job_id", "delete", 7, True, 4 * MEBIBYTE),
    "poster-completions": (6, "job_id", "delete", 7, False, MEBIBYTE),
    "poster-progress": (6, "job_id", "delete", 7, False, MEBIBYTE),
    "poster-logs": (6, "job_id", "delete", 7, False, MEBIBYTE),
    "job-events": (6, "job_id", "delete", 7, False, MEBIBYTE),
    "poster-renders": (12, "input_digest", "delete", 7, False, MEBIBYTE),
    "poster-renders-bulk": (12, "input_digest", "delete", 7, False, MEBIBYTE),
    "poster-retries-1": (3, "input_digest", "delete", 7, False, MEBIBYTE),
    "poster-retries-2": (3, "input_digest", "delete", 7, False, MEBIBYTE),
    "poster-retries-3": (3, "input_digest", "delete", 7, False, MEBIBYTE),
    "template-commands": (1, "section", "delete", 30, True, 8 * MEBIBYTE),
    "template-events": (1, "section", "delete", 30, False, 8 * MEBIBYTE),
    "template-catalog": (1, "<section>@<template_version>", "compact", None, False, MEBIBYTE),
    "job-cancellations": (1, "job_id", "compact,delete", 7, False, MEBIBYTE),
    "dead-letters": (1, "the original record's key", "delete", 14, False, 5 * MEBIBYTE),
}
AGREED_TYPES = {
    "poster-requests": "poster.requested batch.requested job.cancel_requested poster.erase_requested "
    "job.replay_requested",
    "poster-replays": "poster.requested batch.requested",
    "poster-completions": "poster.completed poster.failed poster.cancelled poster.erased",
    "poster-progress": "poster.queued poster.processing poster.retrying",
    "poster-logs": "log.recorded",
    "job-events": "job.progressed job.completed job.failed job.cancelled",
    "poster-renders": "poster.pinned",
    "poster-renders-bulk": "poster.pinned",
    "poster-retries-1": "poster.pinned",
    "poster-retries-2": "poster.pinned",
    "poster-retries-3": "poster.pinned",
    "template-commands": "template.upload template.update template.activate template.archive template.preview "
    "template.get",
    "template-events": "template.uploaded template.activated template.archived template.previewed template.described "
    "template.rejected",
    "template-catalog": "template.uploaded",
    "job-cancellations": "job.cancellation",
    "dead-letters": "",
}
NEVER = [
    *("invalid_request", "template_not_found", "template_syntax", "template_data", "incomplete_batch", "expired"),
    *("output_invalid", "asset_blocked", "asset_status", "asset_too_large", "asset_invalid", "text_truncated"),
    *("relative_address", "script_error", "quota"),
    *("dimension_limit", "output_too_large", "script_timeout", "navigated"),
]
ALWAYS = ["asset_timeout", "render_timeout", "renderer_crashed", "upload", "internal"]
WARNINGS = [
    *("asset_blocked", "asset_status", "asset_too_large", "asset_invalid", "text_truncated", "asset_timeout"),
    *("unknown_data", "missing_glyphs", "relative_address", "font_missing", "hyphenation_missing"),
    *("script_error", "content_clipped", "text_not_fitted", "pdf_unsupported", "locale_unknown"),
]
ALL_TYPES = {name for names in AGREED_TYPES.values() for name in names.split()}


@pytest.fixture(scope="module")
def asyncapi() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text(encoding="utf-8"))
    return document


def test_published_files_are_current() -> None:
    """What `scripts/contract.py` would write is what is committed, and nothing lies beside it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "scripts/contract.py", "--check"],
        check=False,
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert (run.returncode, run.stderr) == (0, "")


def test_topics_are_the_agreed_ones() -> None:
    """The topics that setup makes are those of the contract, partition for partition and setting for setting."""
    made = {}
    for topic in TOPICS:
        settings = topic.configuration()
        milliseconds = settings.get("retention.ms")
        made[topic.name] = (
            topic.partitions,
            KEYS[topic.name],
            settings["cleanup.policy"],
            int(milliseconds) // DAYS if milliseconds else None,
            settings.get("message.timestamp.type") == "LogAppendTime",
            int(settings["max.message.bytes"]),
        )

    assert made == AGREED
    assert len(TOPICS) == len(AGREED)


def test_event_types_are_the_agreed_ones() -> None:
    """Each topic carries the event types that the contract names, and a class stands for each."""
    assert {topic: " ".join(names) for topic, names in EVENT_TYPES.items()} == AGREED_TYPES
    assert {name for event_class in EVENT_CLASSES for name in event_types(event_class)} == ALL_TYPES


def test_every_topic_has_a_page() -> None:
    """The pages are named as the topics are, which is how a console finds them."""
    assert {path.name for path in (SCHEMAS / "pages").iterdir()} == {f"{topic}.md" for topic in AGREED}


def test_every_event_type_has_a_schema_and_examples() -> None:
    """The schemas and the folders of examples are those of the event types."""
    assert {path.name for path in (SCHEMAS / "json").iterdir()} == {f"{name}.v1.schema.json" for name in ALL_TYPES}
    assert {path.name for path in (SCHEMAS / "examples").iterdir()} == ALL_TYPES


def test_every_field_is_explained() -> None:
    """Each field of each published schema, and of its parts, has a description."""
    silent = []
    for path in sorted((SCHEMAS / "json").iterdir()):
        schema = json.loads(path.read_bytes())
        for name, part in (("", schema), *schema.get("$defs", {}).items()):
            silent += [
                f"{path.name} {name} {field}"
                for field, properties in part["properties"].items()
                if not properties.get("description")
            ]

    assert silent == []


def test_channels_are_the_topics(asyncapi: dict[str, Any]) -> None:
    """AsyncAPI has a channel per topic with its partitions and its settings."""
    channels = {
        name: (
            channel["bindings"]["kafka"]["partitions"],
            ",".join(channel["bindings"]["kafka"]["topicConfiguration"]["cleanup.policy"]),
            channel["bindings"]["kafka"]["topicConfiguration"].get("retention.ms", 0) // DAYS or None,
        )
        for name, channel in asyncapi["channels"].items()
    }

    assert channels == {
        name: (partitions, policy, days) for name, (partitions, _, policy, days, _, _) in AGREED.items()
    }
    assert all(name == channel["address"] for name, channel in asyncapi["channels"].items())


def test_messages_lead_to_their_schemas(asyncapi: dict[str, Any]) -> None:
    """Every message of every channel refers to the schema of its event type, and names its key."""
    for topic, channel in asyncapi["channels"].items():
        assert " ".join(channel["messages"]) == (AGREED_TYPES[topic] or topic)
        for name, reference in channel["messages"].items():
            message = asyncapi["components"]["messages"][reference["$ref"].rpartition("/")[2]]
            assert message["bindings"]["kafka"]["key"]["description"] == AGREED[topic][1]
            if name in ALL_TYPES:
                assert message["payload"] == {"$ref": f"./json/{name}.v1.schema.json"}


def test_operations_are_the_edges(asyncapi: dict[str, Any]) -> None:
    """AsyncAPI says of every role what it sends and receives, as the roles are wired."""
    for role, edges in EDGES.items():
        stated = {
            (operation["action"], operation["channel"]["$ref"].rpartition("/")[2])
            for name, operation in asyncapi["operations"].items()
            if name.startswith(f"{role}-")
        }
        reads = (*edges.consumes, *edges.reads_compacted)

        assert stated == {("receive", topic) for topic in reads} | {("send", topic) for topic in edges.writes}


def test_codes_are_a_closed_list() -> None:
    """The codes and whether they are retried are the agreed ones, in the types and in `codes.json`."""
    published = json.loads((SCHEMAS / "codes.json").read_bytes())

    assert set(ERROR_CODES) == {*NEVER, *ALWAYS, "renderer_oom"}
    assert set(WARNING_CODES) == set(WARNINGS)
    assert {code: retry_rule(code) for code in ERROR_CODES} == {
        **dict.fromkeys(NEVER, "never"),
        **dict.fromkeys(ALWAYS, "always"),
        "renderer_oom": "once",
    }
    assert {entry["code"]: entry["retryable"] for entry in published if entry["error"]} == {
        code: is_retryable(code) for code in ERROR_CODES
    }
    assert [entry["code"] for entry in published if entry["warning"]] == [
        entry["code"] for entry in published if entry["code"] in WARNINGS
    ]
    assert all(entry["meaning"].endswith(".") for entry in published)


def test_page_tables_name_every_field_once() -> None:
    """A page explains every field of every event on its topic."""
    for topic, names in EVENT_TYPES.items():
        page = (SCHEMAS / "pages" / f"{topic}.md").read_text(encoding="utf-8")
        for name in names:
            schema = json.loads((SCHEMAS / "json" / f"{name}.v1.schema.json").read_bytes())
            for field in schema["properties"]:
                assert f"\n| `{field}` | " in page, f"{topic}: {name}.{field}"


def test_page_programs_compile() -> None:
    """The Python that a page shows is Python."""
    for path in (SCHEMAS / "pages").iterdir():
        page = path.read_text(encoding="utf-8")
        program = page.partition("```python\n")[2].partition("```")[0]

        assert f'subscribe(["{path.stem}"])' in program
        compile(program, path.name, "exec")
