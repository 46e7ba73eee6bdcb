"""Encoding and decoding of events: JSON bytes to checked types and back."""

import re
from dataclasses import dataclass
from typing import Any, Final, TypeVar, get_args, get_type_hints

import msgspec
import orjson

from . import limits
from .envelope import Envelope
from .fields import check_time
from .outcomes import JobEvent, PosterOutcome
from .progress import LogRecorded, PosterProgress
from .renders import JobCancellation, PosterPinned
from .requests import (
    BatchPoster,
    BatchRequested,
    JobCancelRequested,
    JobReplayRequested,
    PosterEraseRequested,
    PosterRequested,
)
from .surrogates import halves_as_nul
from .templates import (
    TemplateActivate,
    TemplateActivated,
    TemplateArchive,
    TemplateArchived,
    TemplateDescribed,
    TemplateGet,
    TemplatePreview,
    TemplatePreviewed,
    TemplateRejected,
    TemplateUpdate,
    TemplateUpload,
    TemplateUploaded,
)

T = TypeVar("T", bound=Envelope)

REQUEST_CLASSES: Final = (
    PosterRequested,
    BatchRequested,
    JobCancelRequested,
    PosterEraseRequested,
    JobReplayRequested,
)
TEMPLATE_COMMAND_CLASSES: Final = (
    TemplateUpload,
    TemplateUpdate,
    TemplateActivate,
    TemplateArchive,
    TemplatePreview,
    TemplateGet,
)
EVENT_CLASSES: Final[tuple[type[Envelope], ...]] = (
    *REQUEST_CLASSES,
    PosterOutcome,
    JobEvent,
    PosterProgress,
    LogRecorded,
    PosterPinned,
    JobCancellation,
    *TEMPLATE_COMMAND_CLASSES,
    TemplateUploaded,
    TemplateActivated,
    TemplateArchived,
    TemplateDescribed,
    TemplatePreviewed,
    TemplateRejected,
)


def event_types(event_class: type[Envelope]) -> tuple[str, ...]:
    """Return the values of `type` that this class stands for."""
    return get_args(get_type_hints(event_class)["type"])


class ContractError(ValueError):
    """The bytes are not an event of the contract; the message says where. Such a record is a dead letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Head:
    type: str
    version: int


_HEAD: Final = msgspec.json.Decoder(_Head)
_DECODERS: Final[dict[str, msgspec.json.Decoder[Any]]] = {
    name: msgspec.json.Decoder(event_class) for event_class in EVENT_CLASSES for name in event_types(event_class)
}
_POSTER: Final = msgspec.json.Decoder(BatchPoster)
UNREADABLE: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What reading bytes raises that are not the JSON we expect: msgspec's own errors, bad UTF-8, a check of ours."""
_REASON_MAX_CHARACTERS: Final = 500
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def decode(value: bytes | None, *expected: type[T]) -> T:
    """Return the event that `value` holds, one of the `expected` classes. Raises ContractError.

    What it returns can be encoded again: nothing in it is too deep or too large to be written.
    """
    if value is None:
        raise ContractError("the record has no value")
    try:
        event = _read(value, expected)
    except UNREADABLE as error:
        mended = halves_as_nul(value)
        if mended == value:
            raise ContractError(_reason(error)) from None
        return decode(mended, *expected)
    if not isinstance(event, REQUEST_CLASSES):
        _check_writable(event)
    return event


def is_decodable(value: bytes | None, *expected: type[Envelope]) -> bool:
    """Return whether `decode` returns an event of one of the `expected` classes."""
    try:
        decode(value, *expected)
    except ContractError:
        return False
    return True


def _read(value: bytes, expected: tuple[type[T], ...]) -> T:
    head = _HEAD.decode(value)
    event: T = _decoder(head, len(value), expected).decode(value)
    check_time(event.occurred_at, "occurred_at")
    return event


def _decoder(head: _Head, size: int, expected: tuple[type[Envelope], ...]) -> msgspec.json.Decoder[Any]:
    decoder = _DECODERS.get(head.type)
    if decoder is None or not issubclass(decoder.type, expected):
        raise ContractError(f"{head.type[:80]!r} is not an event type of this topic")
    if head.version != 1:
        raise ContractError(f"version {head.version} of `{head.type}` is not known; this build reads version 1")
    if size > limits.REQUEST_MAX_BYTES and issubclass(decoder.type, REQUEST_CLASSES):
        raise ContractError(f"the request has {size:,} bytes; {limits.REQUEST_MAX_BYTES:,} are allowed")
    return decoder


def _check_writable(event: Envelope) -> None:
    # Requests limit the depth and the integers of every object themselves; the other events leave that to JSON.
    try:
        encode(event)
    except TypeError as error:
        raise ContractError(_reason(error)) from None


def decode_poster(value: msgspec.Raw) -> BatchPoster:
    """Return one poster of a batch. Raises ContractError, so that a bad one fails alone."""
    try:
        return _POSTER.decode(value)
    except UNREADABLE as error:
        raise ContractError(_reason(error)) from None


def encode(event: Envelope) -> bytes:
    """Return the event as UTF-8 JSON, times in UTC with a `Z`, times of other zones with their offset."""
    return orjson.dumps(event, default=_raw, option=orjson.OPT_UTC_Z)


def canonical(value: object) -> bytes:
    """Return `value` as JSON with sorted keys: equal data, equal bytes, whatever order it came in."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


def _raw(value: object) -> orjson.Fragment:
    if isinstance(value, msgspec.Raw):
        return orjson.Fragment(bytes(value))
    raise TypeError(f"{type(value).__name__} has no place in an event")


def _reason(error: Exception) -> str:
    """Say what is wrong in words that fit a header and a row: short, on one line, without control characters."""
    if isinstance(error, RecursionError):
        return "the JSON is nested too deeply"
    return _CONTROL.sub(" ", str(error))[:_REASON_MAX_CHARACTERS]
