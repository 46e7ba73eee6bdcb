"""The setting `POSTERS`: a dict, validated once and cached until it changes."""

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any, Final, TypeAlias

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.http import HttpRequest
from django.utils.module_loading import import_string

from .contract.limits import CUSTOM_DATA_MAX_BYTES, SOURCE_MAX_CHARACTERS
from .contract.topics import own_topic
from .durations import as_duration
from .errors import PostersSettingsError

KEYS: Final = (
    "BOOTSTRAP_SERVERS",
    "SITE",
    "KAFKA_OPTIONS",
    "BACKEND",
    "PERMISSION",
    "CONSOLE_URL",
    "DEBOUNCE",
    "DEGRADED_RETRY",
    "ERASE_ON_DELETE",
    "MEDIA_BASE_URL",
    "MEDIA_EMBED_MAX_BYTES",
    "OWN_TOPICS",
    "URL_SIGNER",
    "URL_LIFETIME",
    "RETRY_RECEIVERS",
    "TOPIC_PREFIX",
)
EMBED_MAX_BYTES: Final = CUSTOM_DATA_MAX_BYTES * 3 // 4 - 1024
"""Of a file that fits the data of a poster in Base64, beside some other values."""
UrlSigner: TypeAlias = Callable[[str, timedelta], str]
"""Takes the stored address and the lifetime, and returns the signed address."""
URL_LIFETIME: Final = timedelta(hours=1)
BACKENDS: Final = ("kafka", "placeholder")
EXAMPLE: Final = 'POSTERS = {"BOOTSTRAP_SERVERS": "localhost:9092", "SITE": "shop"}'

# The documented delivery guarantees depend on these options, so a site cannot set them.
_RESERVED: Final = (
    "acks",
    "auto.offset.reset",
    "bootstrap.servers",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "group.id",
)
_TOPIC_PREFIX: Final = re.compile(r"[A-Za-z0-9._-]{0,100}")
_SITE: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{SOURCE_MAX_CHARACTERS}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The validated values of `POSTERS`."""

    bootstrap_servers: str
    """Comma-separated `host:port`."""
    site: str
    """The `source` of all events of this site; results with another source are ignored."""
    kafka_options: Mapping[str, Any] = field(default_factory=dict)
    """librdkafka options of every client, such as `security.protocol` and `sasl.password`."""
    topic_prefix: str = ""
    """What the names of all topics and of the consumer groups start with: POSTERS_TOPIC_PREFIX of the workers."""
    backend: str = "kafka"
    """`kafka`, or `placeholder`: complete every poster at once with a grey image, for development without a broker."""
    permission: Callable[[HttpRequest, Any], bool]
    """Whether a request may read the progress of a Job."""
    console_url: str = ""
    """Base URL of Redpanda Console without a trailing slash; empty for no links."""
    debounce: timedelta = timedelta(0)
    """How long a request waits for later ones of its row, unless its PosterField says otherwise; 0 for not at all."""
    degraded_retry: timedelta | None = timedelta(hours=1)
    """After how long a degraded poster is requested again; None for never."""
    erase_on_delete: bool = False
    """Whether the posters of a row are erased when it is deleted."""
    media_base_url: str = ""
    """What workers put before the relative URL of a file, without a trailing slash; also for absolute addresses."""
    media_embed_max_bytes: int = 0
    """Images of up to this many bytes are sent within the data, as `data:` addresses; 0 for none."""
    own_topics: bool = False
    """Whether this site writes to topics of its own, which the workers' `POSTERS_SOURCE_TOPICS` names."""
    url_signer: UrlSigner | None = None
    """Signs the address of an image in a private bucket when it is read; None: addresses are public."""
    url_lifetime: timedelta = URL_LIFETIME
    """How long a signed address works."""
    retry_receivers: timedelta = timedelta(0)
    """For how long receivers of signals that raise are called again; 0: they are not."""

    @property
    def is_placeholder(self) -> bool:
        """Whether posters are completed by the placeholder backend."""
        return self.backend == "placeholder"

    def topic(self, name: str) -> str:
        """Return the broker's name of a topic."""
        return self.topic_prefix + name

    def written_topic(self, shared: str) -> str:
        """Return the broker's name of the topic to which this site writes what other sites write to `shared`."""
        return self.topic(own_topic(shared, self.site) if self.own_topics else shared)

    @property
    def group(self) -> str:
        """The Kafka consumer group of this site."""
        return f"{self.topic_prefix}django-{self.site}"


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Return the site's settings. Raises PostersSettingsError."""
    given = getattr(django_settings, "POSTERS", None)
    if given is None:
        raise PostersSettingsError(f"The setting POSTERS is missing; add {EXAMPLE}")
    if not isinstance(given, Mapping):
        raise PostersSettingsError(f"POSTERS is a {type(given).__name__}; it takes a dict: {EXAMPLE}")
    if not django_settings.USE_TZ:
        raise PostersSettingsError("USE_TZ is off, but the times of events are aware datetimes; set USE_TZ = True")
    for key in given:
        if key not in KEYS:
            nearest = difflib.get_close_matches(str(key).upper(), KEYS, n=1, cutoff=0.0)[0]
            raise PostersSettingsError(f"POSTERS has no key {key!r}; did you mean {nearest!r}?")
    backend = _backend(given.get("BACKEND", "kafka"))
    needs_broker = backend == "kafka" or "BOOTSTRAP_SERVERS" in given
    return Settings(
        bootstrap_servers=_servers(given.get("BOOTSTRAP_SERVERS")) if needs_broker else "",
        site=_site(given.get("SITE")),
        topic_prefix=_topic_prefix(given.get("TOPIC_PREFIX", "")),
        kafka_options=_kafka_options(given.get("KAFKA_OPTIONS", {})),
        backend=backend,
        permission=_permission(given.get("PERMISSION", is_staff)),
        console_url=_address(given, "CONSOLE_URL", "http://localhost:8080"),
        debounce=_duration(given, "DEBOUNCE", timedelta(0)) or timedelta(0),
        degraded_retry=_duration(given, "DEGRADED_RETRY", timedelta(hours=1)) or None,
        erase_on_delete=_flag(given, "ERASE_ON_DELETE"),
        media_base_url=_address(given, "MEDIA_BASE_URL", "https://www.example.com"),
        media_embed_max_bytes=_embed_limit(given.get("MEDIA_EMBED_MAX_BYTES", 0)),
        own_topics=_own_topics(given.get("OWN_TOPICS", False)),
        url_signer=_url_signer(given.get("URL_SIGNER")),
        url_lifetime=_duration(given, "URL_LIFETIME", URL_LIFETIME) or URL_LIFETIME,
        retry_receivers=_duration(given, "RETRY_RECEIVERS", timedelta(0)) or timedelta(0),
    )


def is_staff(request: HttpRequest, job: Any) -> bool:
    """Allow active staff users."""
    user = getattr(request, "user", None)
    return bool(user is not None and user.is_active and user.is_staff)


def _servers(value: object) -> str:
    if value is None:
        raise PostersSettingsError(
            'POSTERS["BOOTSTRAP_SERVERS"] is missing; it takes "host:port" or a list of them, '
            'and "BACKEND": "placeholder" does without'
        )
    servers = value.split(",") if isinstance(value, str) else value
    if not isinstance(servers, list | tuple) or not all(isinstance(server, str) for server in servers):
        raise PostersSettingsError(f'POSTERS["BOOTSTRAP_SERVERS"] is {value!r}; it takes "host:port" or a list of them')
    for server in servers:
        if not re.fullmatch(r"\s*\S+:\d{1,5}\s*", server):
            raise PostersSettingsError(
                f'POSTERS["BOOTSTRAP_SERVERS"] names {server!r}; it takes "host:port", as in "localhost:9092"'
            )
    if not servers:
        raise PostersSettingsError('POSTERS["BOOTSTRAP_SERVERS"] is empty; name at least one "host:port"')
    return ",".join(server.strip() for server in servers)


def _site(value: object) -> str:
    if not isinstance(value, str) or not _SITE.fullmatch(value):
        raise PostersSettingsError(
            f'POSTERS["SITE"] is {value!r}; it takes a name of this site that no other site on the cluster has: '
            f"1 to {SOURCE_MAX_CHARACTERS} of A-Z, a-z, 0-9, '.', '_' and '-'"
        )
    return value


def _own_topics(value: object) -> bool:
    if not isinstance(value, bool):
        raise PostersSettingsError(f'POSTERS["OWN_TOPICS"] is {value!r}; it takes True or False')
    return value


def _topic_prefix(value: object) -> str:
    if not isinstance(value, str) or not _TOPIC_PREFIX.fullmatch(value):
        raise PostersSettingsError(
            f'POSTERS["TOPIC_PREFIX"] is {value!r}; it takes the POSTERS_TOPIC_PREFIX of the workers: '
            "up to 100 of A-Z, a-z, 0-9, '.', '_' and '-'"
        )
    return value


def _kafka_options(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise PostersSettingsError(
            f'POSTERS["KAFKA_OPTIONS"] is a {type(value).__name__}; it takes a dict of librdkafka options'
        )
    for name in value:
        if name in _RESERVED:
            raise PostersSettingsError(f'POSTERS["KAFKA_OPTIONS"] cannot set {name!r}; remove it')
    return dict(value)


def _backend(value: object) -> str:
    if value not in BACKENDS:
        raise PostersSettingsError(f'POSTERS["BACKEND"] is {value!r}; it takes "kafka" or "placeholder"')
    return str(value)


def _permission(value: object) -> Callable[[HttpRequest, Any], bool]:
    return _function("PERMISSION", value, "of the request and the job that returns a bool")


def _url_signer(value: object) -> UrlSigner | None:
    if value is None:
        return None
    return _function("URL_SIGNER", value, "of the address and the lifetime that returns an address")


def _function(key: str, value: object, of_what: str) -> Callable[..., Any]:
    found = value
    if isinstance(value, str):
        try:
            found = import_string(value)
        except ImportError as error:
            raise PostersSettingsError(f'POSTERS["{key}"], {value!r}, cannot be imported: {error}') from error
    if not callable(found):
        raise PostersSettingsError(f'POSTERS["{key}"] is {value!r}; it takes a function {of_what}, or its dotted path')
    return found


def _address(given: Mapping[str, Any], key: str, example: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str) or not re.fullmatch(r"(https?://\S+)?", value):
        raise PostersSettingsError(f'POSTERS["{key}"] is {value!r}; it takes an address such as "{example}"')
    return value.rstrip("/")


def _duration(given: Mapping[str, Any], key: str, default: timedelta) -> timedelta | None:
    try:
        return as_duration(given.get(key, default))
    except ValueError as error:
        raise PostersSettingsError(f'POSTERS["{key}"] {error}') from error


def _flag(given: Mapping[str, Any], key: str) -> bool:
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise PostersSettingsError(f'POSTERS["{key}"] is {value!r}; it takes True or False')
    return value


def _embed_limit(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= EMBED_MAX_BYTES:
        raise PostersSettingsError(
            f'POSTERS["MEDIA_EMBED_MAX_BYTES"] is {value!r}; it takes 0 to {EMBED_MAX_BYTES:,}, because the data of a '
            f"poster holds {CUSTOM_DATA_MAX_BYTES:,} bytes, and an embedded image takes a third more than its file"
        )
    return value


def _reset(*, setting: str, **_: object) -> None:
    if setting in ("POSTERS", "USE_TZ"):
        get_settings.cache_clear()


setting_changed.connect(_reset, dispatch_uid="django_posters.conf")
