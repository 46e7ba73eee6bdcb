"""Compares the settings of a topic with those that the contract relies on. Asks no broker: values in, sentences out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from streams.topics import Topic

UNLIMITED: Final = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class WrongSetting:
    """A setting of a topic whose value is none that we can work with, the value that is wanted, and why."""

    topic: str
    name: str
    value: str
    wanted: str
    reason: str

    def __str__(self) -> str:
        return f"topic {self.topic}: {self.name} is {self.value}, {self.wanted} is wanted: {self.reason}"


def wrong_settings(topic: Topic, values: Mapping[str, str | None]) -> list[WrongSetting]:
    """Return the settings of `values` (name → value, as the broker lists them) that do not do.

    A setting that the broker does not list is none that it has, and is not compared.
    """
    listed = {name: value for name, value in values.items() if value is not None}
    return [
        WrongSetting(topic=topic.name, name=name, value=listed[name], wanted=wanted, reason=reason)
        for name, wanted, reason, is_wrong in _rules(topic, listed)
        if is_wrong
    ]


def _rules(topic: Topic, listed: Mapping[str, str]) -> Iterator[tuple[str, str, str, bool]]:
    """Yield name, wanted value, reason and whether the value is wrong, for each setting that is listed."""
    wanted = topic.configuration()
    if topic.log_append_time and (kind := listed.get("message.timestamp.type")):
        reason = "versions of templates are pinned by the broker's time, not by the clocks of clients"
        yield "message.timestamp.type", "LogAppendTime", reason, kind != "LogAppendTime"
    if policy := listed.get("cleanup.policy"):
        yield (
            "cleanup.policy",
            wanted["cleanup.policy"],
            _policy_reason(topic),
            _set(policy) != _set(wanted["cleanup.policy"]),
        )
    if (size := _number(listed.get("max.message.bytes"))) is not None:
        reason = "larger records are refused"
        yield "max.message.bytes", str(topic.max_message_bytes), reason, size < topic.max_message_bytes
    if (segment := _number(listed.get("segment.ms"))) is not None:
        reason = "records are deleted or compacted that much later, once their segment is closed"
        yield "segment.ms", wanted["segment.ms"], reason, segment > int(wanted["segment.ms"])
    if topic.retention is None:
        return
    least = _milliseconds(topic.retention)
    if (retention := _number(listed.get("retention.ms"))) is not None:
        reason = "records that no worker has read by then are lost"
        yield "retention.ms", str(least), reason, retention != UNLIMITED and retention < least
    if (size := _number(listed.get("retention.bytes"))) is not None:
        reason = "records that no worker has read are lost once the topic is full"
        yield "retention.bytes", str(UNLIMITED), reason, size != UNLIMITED


def _policy_reason(topic: Topic) -> str:
    if not topic.compact:
        return "of the records of a job, compaction would keep the last one only"
    if topic.retention is None:
        return "the last record of each key is read by every start, so it must never be deleted"
    return "every start reads this topic in full, so it is compacted, and old records are deleted"


def _set(policy: str) -> set[str]:
    return {part.strip() for part in policy.split(",")}


def _number(text: str | None) -> int | None:
    return int(text) if text and text.lstrip("-").isdecimal() else None


def _milliseconds(time: timedelta) -> int:
    return int(time.total_seconds() * 1000)
