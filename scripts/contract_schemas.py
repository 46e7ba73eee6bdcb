"""From the event classes to one JSON Schema per event type (draft 2020-12)."""

import copy
import inspect
from typing import Any, Final

import msgspec

from schemas import limits
from schemas.codec import EVENT_CLASSES, event_types
from schemas.envelope import Envelope
from schemas.output import Output
from schemas.requests import BatchPoster
from schemas.topics import EVENT_TYPES

Schema = dict[str, Any]

EVENTS: Final[dict[str, type[Envelope]]] = {name: cls for cls in EVENT_CLASSES for name in event_types(cls)}
ENVELOPE: Final = ("type", "version", "event_id", "occurred_at", "source")
_COMMAND_CLASSES: Final = {EVENTS[name].__name__ for name in EVENT_TYPES["template-commands"]}
NEWLINE_GUARD: Final = r"(?!\n)$"
_SIDE: Final = {"minimum": 1, "maximum": limits.SIDE_MAX_CSS_PIXELS}
_OUTPUT_BOUNDS: Final[dict[str, Schema]] = {
    "width": _SIDE,
    "height": _SIDE,
    "scale": {"minimum": limits.SCALE_MIN, "maximum": limits.SCALE_MAX},
    "quality": {"minimum": 1, "maximum": 100},
    "variants": {"minItems": 1, "maxItems": limits.VARIANTS_MAX},
}
# What the templates role refuses with an answer; the decoder lets it through, so that there can be one.
_COMMAND_BOUNDS: Final[dict[str, Schema]] = {
    "section": {"pattern": r"^[a-z0-9][a-z0-9_-]{0,62}$", "not": {"pattern": r"_latest$|\n"}},
    "name": {"minLength": 1, "maxLength": limits.TEMPLATE_NAME_MAX_CHARACTERS},
    "html_content": {"maxLength": limits.TEMPLATE_HTML_MAX_BYTES},
    "width": _SIDE,
    "height": _SIDE,
}


_PUBLISHED_NAMES: Final = {"PosterWarning": "Warning"}
"""Classes whose name in `$defs` is another than in Python, where it would hide a builtin."""


def schema_file(event_type: str) -> str:
    """Return the name of the event type's schema in `schemas/json`."""
    return f"{event_type}.v1.schema.json"


def class_schema(event_class: type) -> Schema:
    """Return the schema of everything the class can hold, whatever its `type` says."""
    whole = _published(msgspec.json.schema(event_class))
    defs: dict[str, Schema] = whole["$defs"]
    root = defs.pop(event_class.__name__)
    for owner, part in ((event_class.__name__, root), *defs.items()):
        part["description"] = inspect.cleandoc(part.get("description", "")).replace("None", "null")
        _portable(part)
        _bound(owner, part)
    _name_outputs(root, defs)
    if event_class.__name__ == "BatchRequested":
        _name_posters(root, defs)
    first = [name for name in ENVELOPE if name in root["properties"]]
    root["properties"] = {name: root["properties"][name] for name in (*first, *root["properties"])}
    return {**root, "$defs": defs} if defs else root


def event_schema(event_type: str, descriptions: dict[str, dict[str, str]]) -> Schema:
    """Return the published schema of one event type.

    `descriptions` are texts by class and field; a class is named as in the schema's `$defs`, the event by its type.
    """
    schema = class_schema(EVENTS[event_type])
    schema["properties"]["type"] = {"const": event_type}
    schema["properties"]["version"] = {"const": 1}
    schema["required"] = ["type", "version", *(name for name in schema["required"] if name != "type")]
    _narrow(event_type, schema)
    for owner, part in ((event_type, schema), *schema.get("$defs", {}).items()):
        for name, text in descriptions.get(owner, {}).items():
            if name in part["properties"]:
                part["properties"][name] = {"description": text, **without_description(part["properties"][name])}
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": schema_file(event_type)}
    return {**head, "title": event_type, **{key: value for key, value in schema.items() if key != "title"}}


def without_description(schema: Schema) -> Schema:
    """Return the schema but for its own `description`."""
    return {key: value for key, value in schema.items() if key != "description"}


def non_null(schema: Schema) -> Schema:
    """Return the branch of the schema that is not null."""
    branches = [branch for branch in schema.get("anyOf", ()) if branch != {"type": "null"}]
    return copy.deepcopy(branches[0]) if branches else schema


def _published(schema: Any) -> Any:
    """Return the schema with the published names of classes, in `$defs` and wherever they are referred to."""
    if isinstance(schema, list):
        return [_published(item) for item in schema]
    if isinstance(schema, str):
        name = schema.removeprefix("#/$defs/")
        return f"#/$defs/{_PUBLISHED_NAMES.get(name, name)}" if name != schema else schema
    if not isinstance(schema, dict):
        return schema
    whole = {name: _published(value) for name, value in schema.items()}
    if "$defs" in whole:
        whole["$defs"] = {
            _PUBLISHED_NAMES.get(name, name): {**part, "title": _PUBLISHED_NAMES.get(name, part.get("title", name))}
            for name, part in whole["$defs"].items()
        }
    return whole


def _portable(node: Any) -> None:
    """Say the same without lookahead, which some dialects of regular expressions do not know."""
    if isinstance(node, list):
        for item in node:
            _portable(item)
    elif isinstance(node, dict):
        pattern = node.get("pattern")
        if isinstance(pattern, str) and pattern.endswith(NEWLINE_GUARD):
            node["pattern"] = pattern.removesuffix(NEWLINE_GUARD) + "$"
            node["not"] = {"pattern": r"\n"}
        for item in node.values():
            _portable(item)


def _bound(owner: str, part: Schema) -> None:
    if owner in ("Output", "Variant"):
        bounds = _OUTPUT_BOUNDS
    elif owner in _COMMAND_CLASSES:
        bounds = _COMMAND_BOUNDS
    else:
        return
    for name, bound in bounds.items():
        if name in part["properties"]:
            _put(part["properties"][name], bound)


def _put(schema: Schema, bound: Schema) -> None:
    branch = next((item for item in schema.get("anyOf", ()) if item != {"type": "null"}), schema)
    branch.update(copy.deepcopy(bound))


def _name_outputs(root: Schema, defs: dict[str, Schema]) -> None:
    """Let every `output` that is a plain object in the class say what may stand in it."""
    for part in (root, *list(defs.values())):
        output = part["properties"].get("output", {})
        if non_null(output) == {"type": "object"}:
            shape = class_schema(Output)
            variant = shape.pop("$defs")["Variant"]
            defs["Output"] = {**shape, "additionalProperties": False}
            defs["Variant"] = {**variant, "additionalProperties": False}
            reference: Schema = {"$ref": "#/$defs/Output"}
            nullable = {"anyOf": [reference, {"type": "null"}]} if "anyOf" in output else reference
            part["properties"]["output"] = {**output, **nullable}
            part["properties"]["output"].pop("type", None)


def _name_posters(root: Schema, defs: dict[str, Schema]) -> None:
    poster = class_schema(BatchPoster)
    defs.update(poster.pop("$defs"))
    defs["BatchPoster"] = poster
    root["properties"]["posters"] = {
        "type": "array",
        "items": {"$ref": "#/$defs/BatchPoster"},
        "minItems": 1,
        "maxItems": limits.BATCH_MAX_POSTERS,
    }


def _narrow(event_type: str, schema: Schema) -> None:
    properties: dict[str, Schema] = schema["properties"]
    for name in _PRESENT.get(event_type, ()):
        properties[name] = non_null(properties[name])
    schema["required"] += _PRESENT.get(event_type, ())
    for name in _ABSENT.get(event_type, ()):
        properties[name] = {"type": "null"}
    if event_type.rpartition(".")[2] in properties.get("status", {}).get("enum", ()):
        properties["status"] = {"const": event_type.rpartition(".")[2]}
    schema.update(copy.deepcopy(_RULES.get(event_type, {})))


def _either(*choices: tuple[str, ...]) -> Schema:
    """One of the groups of fields is given, and only one."""
    return {
        "oneOf": [
            {"required": list(names), "properties": {name: {"type": "string"} for name in names}} for names in choices
        ]
    }


_PRESENT: Final[dict[str, tuple[str, ...]]] = {
    "poster.completed": ("url", "object_key", "sha256"),
    "poster.failed": ("error",),
    "poster.retrying": ("error", "due_at"),
}
_ABSENT: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(("poster.completed", "poster.cancelled", "poster.erased"), ("error",)),
    **dict.fromkeys(("poster.queued", "poster.processing"), ("error", "due_at")),
}
_RULES: Final[dict[str, Schema]] = {
    "poster.erase_requested": _either(("job_id",), ("section", "entity_id")),
    "template.preview": _either(("template_id",), ("html_content",)),
    "batch.requested": {
        "allOf": [
            {
                "if": {"required": ["parts"], "properties": {"parts": {"minimum": 2}}},
                "then": {"required": ["total_count"], "properties": {"total_count": {"type": "integer"}}},
            },
            {
                "if": {"required": ["part"], "properties": {"part": {"minimum": 2}}},
                "then": {"required": ["first_index"], "properties": {"first_index": {"minimum": 1}}},
            },
        ]
    },
}
