"""What the topic pages repeat: types and defaults of fields, facts of the topic, examples.

The words are the pages' own, the meanings of the fields among them; the schemas take those for their descriptions.
"""

import json
import re
from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from contract_schemas import ENVELOPE, EVENTS, Schema, class_schema

from schemas.topics import EVENT_TYPES, KEYS
from streams.topics import EDGES, SITE_CONSUMES, SITE_WRITES, TOPICS, Topic

ROOT: Final = Path(__file__).parent.parent / "schemas"
PAGES: Final = ROOT / "pages"
_HEADER: Final = "| field | type | default | meaning |\n|---|---|---|---|\n"
_TABLE: Final = re.compile(
    r"^(#{2,3} (`.*))\n((?:(?!#).*\n)*?)\| field \| type \| default \| meaning \|\n((?:\|.*\n)*)", re.MULTILINE
)
_ROW: Final = re.compile(r"^\| `(\w+)` \|.*?\|.*?\| (.*) \|$", re.MULTILINE)
_FACTS: Final = re.compile(r"^\| key \| partitions \|.*\n(?:\|.*\n)*", re.MULTILINE)
_EXAMPLE: Final = re.compile(r"^```json (\S+\.json)\n(?:(?!```).*\n)*", re.MULTILINE)

Meanings = dict[str, dict[str, str]]


class PageError(Exception):
    """A page lacks what the generator cannot know; the message names the page and the row to write."""


def read_meanings() -> Meanings:
    """Return the meaning of every field by event type or class; the first page that explains a field counts."""
    meanings: Meanings = defaultdict(dict)
    for topic in EVENT_TYPES:
        for _, names, _, rows in _TABLE.findall(_read(topic)):
            for name in _names(names):
                for field, text in _ROW.findall(rows):
                    meanings[name].setdefault(field, text)
    # The envelope is explained once, at the first event of all.
    for name in EVENTS:
        meanings[name] = {field: meanings[next(iter(EVENTS))][field] for field in ENVELOPE} | meanings[name]
    return meanings


def refreshed_page(topic: str, meanings: Meanings) -> str:
    """Return the topic's page with its tables as the classes are now. Raises PageError."""

    def table(match: re.Match[str]) -> str:
        heading, names, text, rows = match.groups()
        own = dict(_ROW.findall(rows))
        return f"{heading}\n{text}{_HEADER}{_rows(topic, _names(names), own, meanings)}"

    page = _FACTS.sub(lambda _: _facts(topic), _TABLE.sub(table, _read(topic)))
    page = _EXAMPLE.sub(lambda match: f"```json {match[1]}\n{_example(match[1])}", page)
    missing = set(EVENT_TYPES[topic]) - {name for match in _TABLE.finditer(page) for name in _names(match[2])}
    if missing:
        raise PageError(f"schemas/pages/{topic}.md has no table under a heading `{min(missing)}`; write one")
    return page


def _facts(topic: str) -> str:
    kept = next(item for item in TOPICS if item.name == topic)
    days = "" if kept.retention is None else _days(kept, kept.retention)
    retention = ", ".join(words for words in ("newest of each key" if kept.compact else "", days) if words)
    writers = [role for role, edges in EDGES.items() if topic in edges.writes]
    readers = [role for role, edges in EDGES.items() if topic in (*edges.consumes, *edges.reads_compacted)]
    cells = (
        KEYS[topic] if topic == "dead-letters" else f"`{KEYS[topic]}`",
        str(kept.partitions),
        retention,
        f"{kept.max_message_bytes // 1024**2} MiB",
        ", ".join((*writers, *(["sites"] if topic in SITE_WRITES else []))),
        ", ".join((*readers, *(["sites"] if topic in SITE_CONSUMES else []))) or "people",
    )
    header = "| key | partitions | kept for | largest record | written by | read by |\n|---|---|---|---|---|---|\n"
    return f"{header}| {' | '.join(cells)} |\n"


def _days(kept: Topic, retention: timedelta) -> str:
    """Return how many days records stay: the retention at least, and the time of a segment more at most."""
    longest = (retention + kept.segment).days
    return f"{retention.days} days" if longest == retention.days else f"{retention.days} to {longest} days"


def _example(name: str) -> str:
    return (ROOT / "examples" / name).read_text(encoding="utf-8")


def _rows(topic: str, names: list[str], own: dict[str, str], meanings: Meanings) -> str:
    schemas = [_schema(name) for name in names]
    fields: dict[str, Schema] = {}
    for schema in schemas:
        fields.update(schema["properties"])
    lines = []
    for field, schema in fields.items():
        text = own.get(field) or next((meanings[name][field] for name in names if field in meanings[name]), "")
        if not text:
            raise PageError(f"schemas/pages/{topic}.md: write a row `{field}` with its meaning under `{names[0]}`")
        default = _default(field, schema, schemas)
        lines.append(f"| `{field}` | {type_words(schema)} | {default} | {text} |\n")
    return "".join(lines)


def _default(field: str, schema: Schema, schemas: list[Schema]) -> str:
    holders = [holder for holder in schemas if field in holder["properties"]]
    if field == "version" or all(field in holder.get("required", ()) for holder in holders):
        return "required"
    if field == "type":
        return "required"
    return f"`{json.dumps(schema.get('default', _EMPTY.get(schema.get('type', ''))), ensure_ascii=False)}`"


_EMPTY: Final[dict[str, Any]] = {"object": {}, "array": []}


def type_words(schema: Schema) -> str:
    """Return the type and limits of a field in words."""
    if "$ref" in schema:
        return f"`{schema['$ref'].rpartition('/')[2]}`"
    if "anyOf" in schema:
        return " or ".join("null" if branch == {"type": "null"} else type_words(branch) for branch in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"])
    kind = schema.get("type", "any JSON value")
    describe = _LIMITED.get(kind)
    return describe(schema) if describe is not None else str(kind)


def _text(schema: Schema) -> str:
    if "format" in schema:
        return {"uuid": "UUID", "date-time": "RFC 3339 time"}[schema["format"]]
    pattern = schema.get("pattern", r"^[^\x00]*$")
    words = "text" if pattern == r"^[^\x00]*$" else f"text `{pattern}`"
    return f"{words}, ≤ {schema['maxLength']:,} characters" if "maxLength" in schema else words


def _number(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None:
        return str(schema["type"])
    return f"{schema['type']} {low:,} to {high:,}" if high is not None else f"{schema['type']} ≥ {low:,}"


def _list(schema: Schema) -> str:
    words = f"list of {type_words(schema['items'])}"
    if "minItems" in schema:
        return f"{words}, {schema['minItems']} to {schema['maxItems']:,}"
    return f"{words}, ≤ {schema['maxItems']:,}" if "maxItems" in schema else words


_LIMITED: Final[dict[str, Callable[[Schema], str]]] = {
    "string": _text,
    "integer": _number,
    "number": _number,
    "array": _list,
}


def _schema(name: str) -> Schema:
    if name in EVENTS:
        return class_schema(EVENTS[name])
    for event_class in EVENTS.values():
        schema = class_schema(event_class)
        if name in schema.get("$defs", {}):
            found: Schema = schema["$defs"][name]
            return found
    raise PageError(f"`{name}` heads a table, but is neither an event type nor a part of one")


def _names(heading: str) -> list[str]:
    return re.findall(r"`([^`]+)`", heading)


def _read(topic: str) -> str:
    path = PAGES / f"{topic}.md"
    if not path.exists():
        raise PageError(f"schemas/pages/{topic}.md does not exist; write it")
    return path.read_text(encoding="utf-8")
