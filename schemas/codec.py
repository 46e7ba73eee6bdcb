"""Bytes to events and back."""

from dataclasses import dataclass
from typing import Any, Final, TypeVar, get_args, get_type_hints

import msgspec
import orjson

from .envelope import Envelope
from .outcomes import JobEvent, PosterOutcome
from .progress import LogRecorded, PosterProgress
from .renders import JobCancellation, PosterPinned
from .requests import BatchPoster, BatchRequested, JobCancelRequested, PosterEraseRequested, PosterRequested
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

EVENT_CLASSES: Final[tuple[type[Envelope], ...]] = (
    PosterRequested,
    BatchRequested,
    JobCancelRequested,
    PosterEraseRequested,
    PosterOutcome,
    JobEvent,
    PosterProgress,
    LogRecorded,
    PosterPinned,
    JobCancellation,
    TemplateUpload,
    TemplateUpdate,
    TemplateActivate,
    TemplateArchive,
    TemplatePreview,
    TemplateGet,
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
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode(value: bytes | None, *expected: type[T]) -> T:
    """Return the event that `value` holds, one of the `expected` classes. Raises ContractError."""
    if value is None:
        raise ContractError("the record has no value")
    try:
        head = _HEAD.decode(value)
        decoder = _DECODERS.get(head.type)
        if decoder is None or not issubclass(decoder.type, expected):
            raise ContractError(f"`{head.type}` is not an event type of this topic")
        if head.version != 1:
            raise ContractError(f"version {head.version} of `{head.type}` is not known; this build reads version 1")
        return decoder.decode(value)  # type: ignore[no-any-return]
    except _UNREADABLE as error:
        raise ContractError(_reason(error)) from None


def decode_poster(value: msgspec.Raw) -> BatchPoster:
    """Return one poster of a batch. Raises ContractError, so that a bad one fails alone."""
    try:
        return _POSTER.decode(value)
    except _UNREADABLE as error:
        raise ContractError(_reason(error)) from None


def encode(event: Envelope) -> bytes:
    """Return the event as UTF-8 JSON, times in UTC with a `Z`."""
    return orjson.dumps(event, default=_raw, option=orjson.OPT_UTC_Z)


def canonical(value: object) -> bytes:
    """Return `value` as JSON with sorted keys: equal data, equal bytes, whatever order it came in."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_UTC_Z)


def _raw(value: object) -> orjson.Fragment:
    if isinstance(value, msgspec.Raw):
        return orjson.Fragment(bytes(value))
    raise TypeError(f"{type(value).__name__} has no place in an event")


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "the JSON is nested too deeply"
    return str(error)
