"""Settings of a stream processor: the broker, the consumer group, shutdown, health and logs.

They are read once at start from environment variables. What a field accepts stands on the field, and msgspec checks it.
"""

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from streams.errors import SettingsError

PREFIX: Final = "POSTERS_"
Seconds = Annotated[float, Meta(gt=0, le=10**9, description="seconds above 0")]
_TOPIC_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{0,100}")
_NUMBER: Final = re.compile(r"[+-]?[0-9.]+")
_SERVICE_LINK: Final = re.compile(
    r"\w+_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)=.*|\w+_PORT=(tcp|udp|sctp)://.*"
)
"""`name=value` of the variables that Kubernetes injects for each Service of a namespace. No setting may match."""

SettingsT = TypeVar("SettingsT", bound="StreamSettings")


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """Settings of every role. The variable of a field is `POSTERS_` and its name in upper case; times in seconds."""

    brokers: str = "localhost:9092"
    """Bootstrap servers, comma-separated `host:port`."""
    topic_prefix: str = ""
    """Before the name of every topic and consumer group, for systems that share a cluster, such as `staging.`."""
    broker_security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = "plaintext"
    broker_sasl: Literal["SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"] = "SCRAM-SHA-512"
    """The SASL mechanism."""
    broker_username: str | None = None
    broker_password: str | None = field(default=None, repr=False)
    broker_ca: str | None = None
    """PEM file of the authority that signed the broker's certificate; unset: those of the system."""
    broker_certificate: str | None = None
    """PEM file of the client certificate, where the broker asks for one (mTLS)."""
    broker_key: str | None = None
    """PEM file of its key."""
    replication: Annotated[int, Meta(ge=0, description="a number of copies, or 0")] = 0
    """Copies of each topic that `posters setup` makes; 0: three on three brokers or more, else the broker's default."""
    instance: str | None = None
    """A stable name of this worker: static group membership. Unset: dynamic."""
    session_timeout: Seconds = 45.0
    """After this long without a heartbeat the broker gives a worker's partitions to others."""
    drain_timeout: Seconds = 20.0
    """How long a worker finishes its in-flight records after TERM."""
    watchdog_timeout: Seconds = 60.0
    """A worker that has in-flight records, finishes none for this long and declares no reason, ends itself."""
    status_address: str | None = None
    """`host:port` to serve /ready and /metrics on; unset: not served."""
    fetch_wait: Seconds = 1.5
    """How long a fetch waits at the broker for new records. Embedded brokers, which do not wake it, want 0.02."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    """`json`: one object a line."""

    def check(self) -> None:
        """Check what is a pattern or concerns several fields. Raises SettingsError."""
        if not _TOPIC_PREFIX.fullmatch(self.topic_prefix):
            raise SettingsError(
                f"POSTERS_TOPIC_PREFIX is `{self.topic_prefix}`; it takes up to 100 of A-Z, a-z, 0-9, `.`, `_` and `-`"
            )
        if self.broker_security.startswith("sasl") and not (self.broker_username and self.broker_password):
            raise SettingsError(
                f"POSTERS_BROKER_SECURITY is `{self.broker_security}`; "
                "it wants POSTERS_BROKER_USERNAME and POSTERS_BROKER_PASSWORD"
            )


def variables(kind: type[StreamSettings]) -> tuple[str, ...]:
    """Return the names of all environment variables of the settings."""
    return tuple(PREFIX + each.name.upper() for each in fields(kind))


def read(kind: type[SettingsT], environment: Mapping[str, str] | None = None) -> SettingsT:
    """Return the settings of `environment` (default: the process's). Raises SettingsError.

    A Service named `posters` or `posters-*` makes Kubernetes inject variables with our prefix; they are ignored.
    """
    environment = os.environ if environment is None else environment
    _refuse_unknown(variables(kind), environment)
    settings = kind(**dict(_values(kind, environment)))
    settings.check()
    return settings


def _refuse_unknown(names: tuple[str, ...], environment: Mapping[str, str]) -> None:
    for name in environment:
        if name.startswith(PREFIX) and name not in names and not _SERVICE_LINK.fullmatch(f"{name}={environment[name]}"):
            nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.0)[0]
            raise SettingsError(f"{name} is not a setting; did you mean {nearest}?")


def _values(kind: type[StreamSettings], environment: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that the environment sets. An empty variable counts as unset."""
    types = get_type_hints(kind, include_extras=True)
    for each in fields(kind):
        name = PREFIX + each.name.upper()
        text = environment.get(name, "")
        if text:
            yield each.name, _convert(name, text, types[each.name])


def _convert(name: str, text: str, kind: Any) -> Any:
    if kind in (str, str | None):
        return text
    kind = _without_none(kind)
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        shown = text if _NUMBER.fullmatch(text) else f"`{text}`"
        raise SettingsError(f"{name} is {shown}; it takes {_accepted(kind)}") from None


def _without_none(kind: Any) -> Any:
    """Return what an optional field takes when it is set; other types as they are."""
    set_kinds = [each for each in get_args(kind) if each is not NoneType]
    return set_kinds[0] if get_origin(kind) in (UnionType, Union) and len(set_kinds) == 1 else kind


def _accepted(kind: Any) -> str:
    """Return what a field takes, as the end of a sentence."""
    if get_origin(kind) is Literal:
        return f"one of {', '.join(get_args(kind))}"
    return next(meta.description for meta in get_args(kind) if isinstance(meta, Meta) and meta.description)
