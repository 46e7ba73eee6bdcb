"""Settings: environment variables named `POSTERS_*`, read once at start."""

import difflib
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Final, get_type_hints
from urllib.parse import urlsplit

from streams.allowed_hosts import AllowedHosts
from streams.errors import SettingsError

PREFIX: Final = "POSTERS_"
_DURATIONS: Final = (
    "session_timeout",
    "drain_timeout",
    "render_timeout",
    "batch_timeout",
    "stale_after",
    "watchdog_timeout",
    "fetch_wait",
)
_PORTS: Final = re.compile(r"(?:\A|@)(?:[^@:,\[\]]*|\[[^\]]*\])(?::\d*)?(?:,(?:[^@:,\[\]]*|\[[^\]]*\])(?::\d*)?)*\Z")
"""Hosts and their ports, after a user and a password if there are any."""
_PUBLIC_URL: Final = re.compile(r"[a-z]+://|/")
"""An address with its scheme, or a path on the site that shows it."""
_CHOICES: Final = {
    "broker_security": ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl"),
    "broker_sasl": ("SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"),
    "log_level": ("debug", "info", "warning", "error"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its default. The variable of a field is `POSTERS_` and its name in upper case.

    Times are in seconds. S3 credentials, region and endpoint come from the standard `AWS_*` variables.
    """

    brokers: str = "localhost:9092"
    """Bootstrap servers, comma-separated `host:port`."""
    broker_security: str = "plaintext"
    """`plaintext`, `ssl`, `sasl_plaintext` or `sasl_ssl`."""
    broker_sasl: str = "SCRAM-SHA-512"
    """How to log in at the broker: `SCRAM-SHA-256`, `SCRAM-SHA-512` or `PLAIN`."""
    broker_username: str | None = None
    broker_password: str | None = field(default=None, repr=False)
    broker_ca: str | None = None
    """PEM file of the authority that signed the broker's certificate; unset: those of the system."""
    broker_certificate: str | None = None
    """PEM file of our own certificate, where the broker asks for one (mTLS)."""
    broker_key: str | None = None
    """PEM file of its key."""
    replication: int = 0
    """Copies of each topic that `posters setup` makes; 0: three on three brokers or more, else as the broker does."""
    database_url: str = field(default="postgresql://posters:posters@localhost:5432/posters", repr=False)
    """May say `sslmode=verify-full&sslrootcert=/path/ca.pem`."""
    storage_url: str = "s3://posters"
    """`s3://bucket/prefix` or `file:///directory`."""
    public_url: str | None = None
    """What object keys are appended to in `url`; unset: the storage's own address."""
    chromium: str | None = None
    """Path of the browser's binary; unset: the system's headless shell, else the one Playwright installed."""
    asset_allow: str = ""
    """Hosts, host:port pairs or CIDR ranges that templates may load assets from although they are not public."""
    instance: str | None = None
    """A stable name of this worker: static group membership. Unset: dynamic."""
    session_timeout: float = 45.0
    """After this long without a heartbeat the broker gives a worker's partitions to others."""
    drain_timeout: float = 20.0
    """How long a worker finishes what it holds after TERM."""
    render_slots: int = 0
    """Pages rendering at once in a render worker; 0: one per core plus one."""
    render_timeout: float = 15.0
    """How long one poster may take in the browser."""
    retry_delays: str = "10,60,600"
    """Seconds a poster waits in each of the three retry tiers."""
    batch_timeout: float = 3600.0
    """How long the parts of a batch may be apart."""
    log_retention: int = 0
    """Days after which lines of the log are dropped; 0: never."""
    stale_after: float = 86_400.0
    """After this long without news a poster is failed with `internal`."""
    watchdog_timeout: float = 60.0
    """A worker that has records in hand, finishes none for so long and has not said why, ends itself."""
    status_address: str | None = None
    """`host:port` to serve /ready and /metrics on; unset: not served."""
    fetch_wait: float = 1.5
    """How long a fetch waits at the broker for new records. Embedded brokers, which do not wake it, want 0.02."""
    log_level: str = "info"

    @property
    def allowed_hosts(self) -> AllowedHosts:
        """What `asset_allow` lists."""
        return AllowedHosts.parse(self.asset_allow)

    @property
    def retry_delay_seconds(self) -> tuple[float, float, float]:
        """The delays of tiers 1, 2 and 3."""
        first, second, third = (float(delay) for delay in self.retry_delays.split(","))
        return first, second, third

    @property
    def watchdog_seconds(self) -> float:
        """What the watchdog waits: never less than a poster may take that is drawn twice."""
        return max(self.watchdog_timeout, 2 * self.render_timeout)


NAMES: Final[tuple[str, ...]] = tuple(PREFIX + each.name.upper() for each in fields(Settings))


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `environment` (default: the process's). Raises SettingsError."""
    environment = os.environ if environment is None else environment
    for name in environment:
        if name.startswith(PREFIX) and name not in NAMES:
            nearest = difflib.get_close_matches(name, NAMES, n=1, cutoff=0.0)[0]
            raise SettingsError(f"{name} is not a setting; did you mean {nearest}?")
    kinds = get_type_hints(Settings)
    values: dict[str, object] = {}
    for each in fields(Settings):
        name = PREFIX + each.name.upper()
        text = environment.get(name, "")
        if text:
            values[each.name] = _convert(name, text, kinds[each.name])
    settings = Settings(**values)  # type: ignore[arg-type]
    _check(settings)
    return settings


def _convert(name: str, text: str, kind: object) -> object:
    if kind in (int, float):
        try:
            return int(text) if kind is int else float(text)
        except ValueError:
            raise SettingsError(f"{name} is `{text}`; it takes a number") from None
    return text


def _check(settings: Settings) -> None:
    if _scheme(settings.storage_url) not in ("s3", "file"):
        raise SettingsError(f"POSTERS_STORAGE_URL is `{settings.storage_url}`; it starts with s3:// or file:///")
    if _scheme(settings.database_url) not in ("postgresql", "postgres"):
        raise SettingsError("POSTERS_DATABASE_URL starts with postgresql://")
    if not _PORTS.search(urlsplit(settings.database_url).netloc):
        raise SettingsError("POSTERS_DATABASE_URL names a port that is no number")
    if settings.public_url is not None and not _PUBLIC_URL.match(settings.public_url):
        raise SettingsError(
            f"POSTERS_PUBLIC_URL is `{settings.public_url}`; it takes an address, as in https://cdn.example.com/posters/"
        )
    if not re.fullmatch(r"\d+(\.\d+)?(,\d+(\.\d+)?){2}", settings.retry_delays):
        raise SettingsError(
            f"POSTERS_RETRY_DELAYS is `{settings.retry_delays}`; it takes three numbers, as in 10,60,600"
        )
    for name, choices in _CHOICES.items():
        if getattr(settings, name) not in choices:
            raise SettingsError(
                f"{PREFIX}{name.upper()} is `{getattr(settings, name)}`; it takes one of {', '.join(choices)}"
            )
    if settings.broker_security.startswith("sasl") and not (settings.broker_username and settings.broker_password):
        raise SettingsError(
            f"POSTERS_BROKER_SECURITY is `{settings.broker_security}`; "
            "it wants POSTERS_BROKER_USERNAME and POSTERS_BROKER_PASSWORD"
        )
    _check_asset_allow(settings.asset_allow)
    _check_numbers(settings)


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:  # brackets that hold no IPv6 address
        return ""


def _check_numbers(settings: Settings) -> None:
    for name, takes in (
        ("replication", "a number of copies, or 0"),
        ("log_retention", "days, or 0 for ever"),
        ("render_slots", "a number of pages, or 0"),
    ):
        if getattr(settings, name) < 0:
            raise SettingsError(f"{PREFIX}{name.upper()} is {getattr(settings, name)}; it takes {takes}")
    for name in _DURATIONS:
        if not 0 < getattr(settings, name) < math.inf:
            raise SettingsError(f"{PREFIX}{name.upper()} is {getattr(settings, name):g}; it takes seconds above 0")


def _check_asset_allow(text: str) -> None:
    try:
        AllowedHosts.parse(text)
    except ValueError as error:
        raise SettingsError(
            f"POSTERS_ASSET_ALLOW: {error}; it takes hosts, host:port pairs and CIDR ranges, comma-separated"
        ) from None
