"""The published form of the contract as the tests read it."""

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import orjson
from jsonschema import Draft202012Validator

ROOT: Final = Path(__file__).parents[2]
SCHEMAS: Final = ROOT / "schemas"
EXAMPLES: Final = tuple(sorted((SCHEMAS / "examples").rglob("*.json")))

Event = dict[str, Any]


def example_id(path: Path) -> str:
    """Return what names an example in a test's id."""
    return path.relative_to(SCHEMAS / "examples").as_posix().removesuffix(".json")


def example(event_type: str, name: str | None = None) -> Event:
    """Return the golden example of that name, the first one of the type without a name."""
    folder = SCHEMAS / "examples" / event_type / "1"
    path = folder / f"{name}.json" if name else min(folder.iterdir())
    event: Event = json.loads(path.read_bytes())
    return event


def published_schema(event_type: str) -> dict[str, Any]:
    """Return the published schema of an event type."""
    schema: dict[str, Any] = json.loads((SCHEMAS / "json" / f"{event_type}.v1.schema.json").read_bytes())
    return schema


@cache
def validator(event_type: str) -> Draft202012Validator:
    """Return the validator of an event type's published schema; formats are checked."""
    schema = published_schema(event_type)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def valid(event: Event) -> bool:
    """Say whether the event fits the published schema of its type."""
    return bool(validator(event["type"]).is_valid(event))


def to_bytes(event: Event) -> bytes:
    """Return the event as another producer would send it; integers of any size, text of any kind."""
    return json.dumps(event).encode()


def to_object(value: bytes) -> Any:
    """Return what bytes that we wrote say."""
    return orjson.loads(value)
