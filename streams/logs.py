"""Logs of a worker: fields of the record in progress, text and JSON formats, and a rate limit for the Kafka clients.

Every log record carries the role and, while a delivered record is handled, its topic, partition, offset, job and
poster, and the trace where spans are recorded. The fields are in a context variable, so that whatever runs for a
record, in whichever module, has them.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Final, TypedDict, Unpack

from streams.delivery import Delivery
from streams.printable import printable
from streams.settings import StreamSettings
from streams.tracing import current_trace_id


class LogFields(TypedDict, total=False):
    """The fields of a log record, in the order in which they are written."""

    role: str
    topic: str
    partition: int
    offset: int
    job_id: str | None
    poster_index: int | None
    trace_id: str | None


FIELDS: Final = tuple(LogFields.__annotations__)
CLIENTS: Final = ("aiokafka", "faust", "mode", "streams.publisher", "streams.compacted_topic", "opentelemetry")
"""Loggers that write up to hundreds of lines a second while the broker or the collector is unavailable."""
QUIET: Final = ("aiokafka", "faust", "mode", "botocore", "asyncio", "streams.faust_bridge")
"""Loggers of which only warnings and errors are written."""
INTERVAL_SECONDS: Final = 10.0
MESSAGES_TRACKED: Final = 1_000
"""How many different messages are told apart; above that, every one counts as new."""

Mask = Callable[[str], str]
"""Returns a text without its secrets."""

_CONTEXT: ContextVar[LogFields | None] = ContextVar("log_context", default=None)


@contextmanager
def _set(fields: LogFields) -> Iterator[None]:
    token = _CONTEXT.set(fields)
    try:
        yield
    finally:
        _CONTEXT.reset(token)


def log_context(**fields: Unpack[LogFields]) -> AbstractContextManager[None]:
    """Add fields to every log record written inside, also by tasks that are started inside."""
    return _set({**(_CONTEXT.get() or {}), **fields})


def log_delivery(delivery: Delivery, event: object = None) -> AbstractContextManager[None]:
    """Set the fields of a delivered record, and `job_id` and `poster_index` of the event decoded from it, if any."""
    fields = LogFields(
        topic=delivery.topic,
        partition=delivery.partition,
        offset=delivery.offset,
        job_id=getattr(event, "job_id", None),
        poster_index=getattr(event, "poster_index", None),
    )
    role = (_CONTEXT.get() or {}).get("role")
    return _set(fields if role is None else {"role": role, **fields})


class ContextFilter(logging.Filter):
    """Puts the fields of the context on each log record, as attributes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields; True."""
        for name, value in (_CONTEXT.get() or {}).items():
            if value is not None and not hasattr(record, name):
                setattr(record, name, value)
        trace_id = current_trace_id()
        if trace_id is not None:
            record.trace_id = trace_id
        return True


class RateLimitFilter(logging.Filter):
    """Passes each message of the Kafka clients once in ten seconds, with the number of those suppressed before it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._next: dict[tuple[str, str, str], float] = {}
        self._suppressed: dict[tuple[str, str, str], int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Return whether the record is written."""
        if not record.name.startswith(CLIENTS):
            return True
        first = record.args[0] if isinstance(record.args, tuple) and record.args else ""
        kind = (record.name, str(record.msg), str(first))
        now = self._clock()
        if now < self._next.get(kind, 0.0):
            self._suppressed[kind] = self._suppressed.get(kind, 0) + 1
            return False
        if len(self._next) >= MESSAGES_TRACKED:
            self._next.clear()
            self._suppressed.clear()
        self._next[kind] = now + INTERVAL_SECONDS
        suppressed = self._suppressed.pop(kind, 0)
        if suppressed:
            record.msg = f"{record.msg} ({suppressed} more like it before)"
        return True


class TextFormatter(logging.Formatter):
    """One line a record, then the indented lines of a traceback, if any.

    Control characters are escaped: a message cannot forge a second line or send an escape sequence to a terminal.
    """

    def __init__(self, mask: Mask = str) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as text."""
        record.message = self._mask(record.getMessage())
        record.asctime = self.formatTime(record)
        line = self.formatMessage(record)
        fields = " ".join(f"{name}={value}" for name, value in _fields_of(record).items())
        lines = [f"{line} [{fields}]" if fields else line]
        stack = self._mask(_stack_of(self, record))
        lines += [f"  {each}" for each in stack.split("\n")] if stack else []
        return "\n".join(printable(each) for each in lines)


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time (RFC 3339, UTC), level, logger, message, the fields, and `exception`, if any."""

    def __init__(self, mask: Mask = str) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as JSON, in ASCII."""
        written = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        content: dict[str, object] = {
            "time": written.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": self._mask(record.getMessage()),
            **_fields_of(record),
        }
        stack = self._mask(_stack_of(self, record))
        if stack:
            content["exception"] = stack
        return json.dumps(content, default=str)


def configure_logging(settings: StreamSettings, mask: Mask = str) -> None:
    """Write logs to standard error, in the format and from the level of the settings. Call it once in a process.

    `mask` replaces the secrets in messages and stacks.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter(mask) if settings.log_format == "json" else TextFormatter(mask))
    handler.addFilter(RateLimitFilter())
    handler.addFilter(ContextFilter())
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _fields_of(record: logging.LogRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}


def _stack_of(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    parts = [formatter.formatException(record.exc_info)] if record.exc_info and record.exc_info[0] else []
    return "\n".join([*parts, record.stack_info] if record.stack_info else parts)
