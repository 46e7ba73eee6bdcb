"""Messages between a worker and its sandbox processes: MessagePack behind a length of four bytes, over two pipes."""

import struct
from typing import Any, Final

import msgspec

from schemas.codes import ErrorCode
from schemas.templates import Placeholder, PlaceholderDeclaration, TemplateError, TemplateWarning

LENGTH: Final = struct.Struct(">I")
MESSAGE_MAX_BYTES: Final = 64 * 1024 * 1024
"""More than any request or answer has: a longer one is a fault of the process that sends it."""


class Check(msgspec.Struct, frozen=True, tag="check"):
    """Check an uploaded template."""

    html: str
    declarations: list[PlaceholderDeclaration]


class Fill(msgspec.Struct, frozen=True, tag="fill"):
    """Fill a template with data. Without `html`, the template is the one that was filled under this `key` before."""

    key: str
    html: str | None
    data: dict[str, Any]
    locale: str | None = None
    timezone: str | None = None


class Accepted(msgspec.Struct, frozen=True, tag="accepted"):
    """The template can be used."""

    placeholders: list[Placeholder]
    warnings: list[TemplateWarning]


class Rejected(msgspec.Struct, frozen=True, tag="rejected"):
    """The template cannot be used."""

    errors: list[TemplateError]


class Filled(msgspec.Struct, frozen=True, tag="filled"):
    """The document."""

    html: str


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """The template cannot be filled with this data; `line` and `column` count from 1."""

    code: ErrorCode
    message: str
    line: int | None = None
    column: int | None = None


class Unknown(msgspec.Struct, frozen=True, tag="unknown"):
    """This process has no template under the key: send its HTML."""


class Exhausted(msgspec.Struct, frozen=True, tag="exhausted"):
    """The request took more memory or processor time than it may. The process ends itself after this answer."""

    resource: str


Request = Check | Fill
Answer = Accepted | Rejected | Filled | Failed | Unknown | Exhausted

_encoder: Final = msgspec.msgpack.Encoder()
_requests: Final = msgspec.msgpack.Decoder(Request)
_answers: Final = msgspec.msgpack.Decoder(Answer)


def encode(message: Request | Answer) -> bytes:
    """Return the message with its length before it."""
    body = _encoder.encode(message)
    return LENGTH.pack(len(body)) + body


def decode_request(body: bytes) -> Request:
    """Return the request that a worker sent. Raises msgspec.DecodeError."""
    request: Request = _requests.decode(body)
    return request


def decode_answer(body: bytes) -> Answer:
    """Return the answer that a sandbox process sent. Raises msgspec.DecodeError."""
    answer: Answer = _answers.decode(body)
    return answer
