"""The AsyncAPI document: who sends and receives what, on which topics, with which keys."""

import re
from collections.abc import Collection
from typing import Any, Final

from contract_pages import PAGES
from contract_schemas import EVENTS, class_schema, schema_file

from schemas.topics import EVENT_TYPES, KEYS
from streams.topics import EDGES, SITE_CONSUMES, SITE_WRITES, TOPICS, Topic

_BINDING_VERSION: Final = "0.5.0"
_INFO: Final = (
    "Posterstream turns rows into pictures. A site sends `poster.requested` on `poster-requests` and receives "
    "`poster.completed`, `poster.failed` or `poster.cancelled` on `poster-completions`. Values are JSON in UTF-8, "
    "keys raw UTF-8 strings. The operations of every role are listed, and those of a site that asks for posters."
)


def asyncapi() -> dict[str, Any]:
    """Return the document; its schemas are those in `schemas/json`."""
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "Posterstream", "version": "1.0.0", "description": _INFO},
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": _operations(),
        "components": {"messages": {_message_name(topic, name): _message(topic, name) for topic, name in _messages()}},
    }


def _channel(topic: Topic) -> dict[str, Any]:
    return {
        "address": topic.name,
        "description": first_paragraph(topic.name),
        "messages": {
            name: {"$ref": f"#/components/messages/{_message_name(topic.name, name)}"}
            for name in EVENT_TYPES[topic.name] or (topic.name,)
        },
        "bindings": {
            "kafka": {
                "topic": topic.name,
                "partitions": topic.partitions,
                "topicConfiguration": _configuration(topic),
                "bindingVersion": _BINDING_VERSION,
            }
        },
    }


def _configuration(topic: Topic) -> dict[str, Any]:
    """Return the broker's settings, typed as the Kafka binding wants them."""
    settings: dict[str, Any] = dict(topic.configuration())
    settings["cleanup.policy"] = settings["cleanup.policy"].split(",")
    for name in ("retention.ms", "segment.ms", "max.message.bytes"):
        if name in settings:
            settings[name] = int(settings[name])
    return settings


def _messages() -> list[tuple[str, str]]:
    return [(topic, name) for topic, names in EVENT_TYPES.items() for name in names or (topic,)]


def _message_name(topic: str, name: str) -> str:
    # A type that is on several topics has one key per topic, so a message is what a topic and a type make together.
    return name if name == topic else f"{topic}.{name}"


def _message(topic: str, name: str) -> dict[str, Any]:
    message: dict[str, Any] = {"name": name, "title": name, "contentType": "application/json"}
    if name in EVENTS:
        message["summary"] = class_schema(EVENTS[name])["description"].split("\n")[0]
        message["payload"] = {"$ref": f"./json/{schema_file(name)}"}
    else:
        message["contentType"] = "application/octet-stream"
        message["summary"] = "The original value, byte for byte, and beside its headers the `dlq.*` ones."
        message["payload"] = {"description": "The bytes of a record of any topic."}
    message["headers"] = _headers(name)
    key = {"type": "string", "description": KEYS[topic]}
    message["bindings"] = {"kafka": {"key": key, "bindingVersion": _BINDING_VERSION}}
    return message


def _headers(name: str) -> dict[str, Any]:
    text = {"type": "string"}
    if name in EVENTS:
        trace = {"traceparent": text, "tracestate": text}
        headers = {"content-type": {"const": "application/json"}, **trace, "type": {"const": name}}
        return {"type": "object", "properties": headers | ({"job": text} if "job_id" in _fields(name) else {})}
    names = ("topic", "partition", "offset", "timestamp", "role", "reason", "error", "time", "claim", "claimed")
    return {"type": "object", "properties": {f"dlq.{name}": text for name in names}}


def _fields(name: str) -> Collection[str]:
    return class_schema(EVENTS[name])["properties"]


def _operations() -> dict[str, Any]:
    operations = {}
    for role, edges in EDGES.items():
        for topic in edges.consumes:
            operations[f"{role}-receives-{topic}"] = _operation("receive", topic, role)
        for topic in edges.reads_compacted:
            operations[f"{role}-receives-{topic}"] = _operation("receive", topic, None)
        for topic in edges.writes:
            operations[f"{role}-sends-{topic}"] = _operation("send", topic, None)
    for topic in SITE_CONSUMES:
        operations[f"site-receives-{topic}"] = _operation("receive", topic, None)
    for topic in SITE_WRITES:
        operations[f"site-sends-{topic}"] = _operation("send", topic, None)
    return operations


def _operation(action: str, topic: str, group: str | None) -> dict[str, Any]:
    operation: dict[str, Any] = {"action": action, "channel": {"$ref": f"#/channels/{topic}"}}
    if group is not None:
        group_id = {"type": "string", "const": group}
        operation["bindings"] = {"kafka": {"groupId": group_id, "bindingVersion": _BINDING_VERSION}}
    return operation


def first_paragraph(topic: str) -> str:
    """Return what the topic's page says first."""
    page = (PAGES / f"{topic}.md").read_text(encoding="utf-8")
    return re.sub(r"\s+", " ", page.split("\n\n")[1]).strip()
