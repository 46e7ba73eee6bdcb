"""The filters on the topic pages work in Redpanda Console: on each topic they find what they say."""

import base64
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright._impl._driver import compute_driver_executable

from schemas.topics import DEAD_LETTERS, EVENT_TYPES, KEYS

SCHEMAS = Path(__file__).parents[2] / "schemas"
DRIVER = """
const {filters, records} = JSON.parse(require("fs").readFileSync(0, "utf8"));
const buffer = text => Uint8Array.from(Buffer.from(text, "base64")).buffer;
const run = (filter, {key, value, headers}) => {
  const decoded = Object.fromEntries(Object.entries(headers).map(([name, text]) => [name, buffer(text)]));
  return new Function("partitionId", "offset", "timestamp", "key", "value", "headers", filter)(
    0, 1, new Date(0), key, value, decoded);
};
console.log(JSON.stringify(filters.map(filter => records.map(record => run(filter, record)))));
"""
"""Calls filters as Console documents it: key and value decoded, the values of headers as ArrayBuffers."""


def filters(topic: str) -> list[str]:
    """Return the filters on a topic's page."""
    page = (SCHEMAS / "pages" / f"{topic}.md").read_text(encoding="utf-8")
    section = page.partition("## In Redpanda Console\n")[2].partition("\n## ")[0]
    return re.findall(r"```js\n(.*?)```", section, re.DOTALL)


def encoded(headers: dict[str, str]) -> dict[str, str]:
    """Return headers with their values in base64."""
    return {name: base64.b64encode(value.encode()).decode() for name, value in headers.items()}


def records(topic: str) -> Iterator[dict[str, Any]]:
    """Yield the examples of the contract as records of this topic, with the headers that ours have."""
    for event_type in EVENT_TYPES[topic]:
        for path in sorted((SCHEMAS / "examples" / event_type).rglob("*.json")):
            event = json.loads(path.read_text(encoding="utf-8"))
            about = {"type": event_type} | ({"job": event["job_id"]} if event.get("job_id") else {})
            none: dict[str, str] = {}
            for headers in (about, none):  # records of earlier versions have none of them
                yield {"key": event.get(KEYS[topic]), "value": event, "headers": encoded(headers)}
    if topic == DEAD_LETTERS:
        for role, reason in (("intake", "invalid_request"), ("render", "unreadable")):
            yield {"key": None, "value": "{", "headers": encoded({"dlq.role": role, "dlq.reason": reason})}


@pytest.mark.parametrize("topic", EVENT_TYPES)
def test_filters_find_what_they_say(topic: str) -> None:
    """Every page has filters; each is valid for every example of its topic, and finds one."""
    node, _ = compute_driver_executable()
    tried = filters(topic)
    given = {"filters": tried, "records": list(records(topic))}
    ran = subprocess.run([node, "-e", DRIVER], input=json.dumps(given), capture_output=True, text=True, check=True)
    found = json.loads(ran.stdout)

    assert found
    for filter_text, hits in zip(tried, found, strict=True):
        assert all(type(hit) is bool for hit in hits), filter_text
        assert any(hits), filter_text
