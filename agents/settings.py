"""Settings of the workers: environment variables named `POSTERS_*`, read once at start."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from renderer.assets.allowed_hosts import AllowedHosts
from renderer.browser.driver import DriverName
from schemas.limits import SOURCE_MAX_CHARACTERS
from schemas.references import is_section
from streams import settings as stream_settings
from streams.errors import SettingsError
from streams.settings import Seconds, StreamSettings

WEIGHTS_MAX: Final = 50
WEIGHT_MIN: Final = 0.01
WEIGHT_MAX: Final = 100.0
QUOTAS_MAX: Final = 50
EVERY_OTHER_SOURCE: Final = "*"
"""Stands in a quota for each source that is not named, and for requests without a source."""
_QUOTA: Final = re.compile(r"\d{1,15}")
_WEIGHT: Final = re.compile(r"\d{1,3}(\.\d{1,3})?")
_PORTS: Final = re.compile(r"(?:\A|@)(?:[^@:,\[\]]*|\[[^\]]*\])(?::\d*)?(?:,(?:[^@:,\[\]]*|\[[^\]]*\])(?::\d*)?)*\Z")
"""Hosts and their ports, after a user and a password if there are any."""
SOURCE_OF_TOPICS: Final = re.compile(rf"[A-Za-z0-9._-]{{1,{SOURCE_MAX_CHARACTERS}}}")
"""A source whose name can be part of a topic's."""
_PUBLIC_URL: Final = re.compile(r"[a-z]+://|/")
"""An address with its scheme, or a path on the site that shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings(StreamSettings):
    """Every setting with its default. The variable of a field is `POSTERS_` and its name in upper case.

    Times are in seconds. S3 credentials, region and endpoint come from the standard `AWS_*` variables.
    """

    database_url: str = field(default="postgresql://posters:posters@localhost:5432/posters", repr=False)
    """May contain `sslmode=verify-full&sslrootcert=/path/ca.pem`."""
    storage_url: str = "s3://posters"
    """`s3://bucket/prefix` or `file:///directory`."""
    public_url: str | None = None
    """Base of the images' addresses, to which object keys are appended; unset: the storage's own address."""
    chromium: str | None = None
    """Path of the browser's binary; unset: the system's headless shell, else the one Playwright installed."""
    driver: DriverName | None = None
    """How Chromium is launched and controlled; unset: `pipe` on Linux, `playwright` elsewhere."""
    asset_allow: str = ""
    """Hosts, host:port pairs or CIDR ranges that templates may load assets from although they are not public."""
    shared_sections: str = ""
    """Sections, comma-separated, on which commands of every source are executed; `*`: all sections."""
    replay_header: Literal["accept", "refuse"] = "accept"
    """Whether the generation in a header on `poster-requests` counts; on `poster-replays` it always does."""
    render_slots: Annotated[int, Meta(ge=0, description="a number of pages, or 0")] = 0
    """Pages rendering at once in a render worker; 0: one per core plus one."""
    render_timeout: Seconds = 15.0
    """Limit for one poster in the browser."""
    source_weights: str = ""
    """Shares of sources, as in `shop=2,blog=1`: numbers above 0. A source that is not named has 1."""
    quota_posters: str = ""
    """Posters that a source may request a day, as in `shop=1000,*=200`; a source without a number has no limit."""
    quota_bytes: str = ""
    """Bytes of pictures that may be stored for a source a day, as in `shop=1000000000`."""
    retry_delays: str = "10,60,600"
    """Seconds a poster waits in each of the three retry tiers."""
    batch_timeout: Seconds = 3600.0
    """After this long without its remaining parts a batch is incomplete, and the missing posters fail."""
    log_retention: Annotated[int, Meta(ge=0, description="days, or 0 to keep all")] = 0
    """Days after which log lines are deleted; 0: never."""
    stale_after: Seconds = 86_400.0
    """After this long without an event a poster fails with `internal`."""

    source_topics: str = ""
    """Sources, comma-separated, that have topics of their own, such as `poster-requests.shop`."""

    @property
    def own_topic_sources(self) -> tuple[str, ...]:
        """The sources of `source_topics`."""
        return tuple(dict.fromkeys(name.strip() for name in self.source_topics.split(",") if name.strip()))

    @property
    def allowed_hosts(self) -> AllowedHosts:
        """The hosts and ranges of `asset_allow`."""
        return AllowedHosts.parse(self.asset_allow)

    @property
    def weights(self) -> dict[str, float]:
        """The shares of `source_weights`, by source. Raises ValueError where it is not a list of these."""
        return _weights(self.source_weights)

    @property
    def poster_quotas(self) -> dict[str, int]:
        """The numbers of `quota_posters`, by source. Raises ValueError where it is not a list of these."""
        return _quotas(self.quota_posters)

    @property
    def byte_quotas(self) -> dict[str, int]:
        """The numbers of `quota_bytes`, by source. Raises ValueError where it is not a list of these."""
        return _quotas(self.quota_bytes)

    @property
    def shared_section_names(self) -> frozenset[str]:
        """The sections of `shared_sections`; `*` stands for all."""
        return frozenset(name.strip() for name in self.shared_sections.split(",") if name.strip())

    @property
    def retry_delay_seconds(self) -> tuple[float, float, float]:
        """The delays of tiers 1, 2 and 3."""
        first, second, third = (float(delay) for delay in self.retry_delays.split(","))
        return first, second, third

    @property
    def watchdog_seconds(self) -> float:
        """The watchdog's limit: at least twice the render timeout, because a poster may be drawn twice."""
        return max(self.watchdog_timeout, 2 * self.render_timeout)

    def check(self) -> None:
        """Check the fields whose rule is a pattern or spans several fields. Raises SettingsError."""
        StreamSettings.check(self)
        self._check_addresses()
        if not re.fullmatch(r"\d+(\.\d+)?(,\d+(\.\d+)?){2}", self.retry_delays):
            raise SettingsError(
                f"POSTERS_RETRY_DELAYS is `{self.retry_delays}`; it takes three numbers, as in 10,60,600"
            )
        for name in self.shared_section_names:
            if name != "*" and not is_section(name):
                raise SettingsError(f"POSTERS_SHARED_SECTIONS names `{name}`; it takes names of sections, or *")
        shares, quotas = "shares, as in shop=2,blog=1", "numbers a day, as in shop=1000,*=200"
        _check_list("POSTERS_SOURCE_WEIGHTS", lambda: self.weights, shares, WEIGHTS_MAX, "others have 1")
        star = "`*` stands for all others"
        _check_list("POSTERS_QUOTA_POSTERS", lambda: self.poster_quotas, quotas, QUOTAS_MAX, star)
        _check_list("POSTERS_QUOTA_BYTES", lambda: self.byte_quotas, quotas, QUOTAS_MAX, star)
        for name in self.own_topic_sources:
            if not SOURCE_OF_TOPICS.fullmatch(name):
                raise SettingsError(
                    f"POSTERS_SOURCE_TOPICS names `{name}`; it takes names of sources, comma-separated, each 1 to "
                    f"{SOURCE_MAX_CHARACTERS} of A-Z, a-z, 0-9, `.`, `_` and `-`"
                )
        try:
            AllowedHosts.parse(self.asset_allow)
        except ValueError as error:
            raise SettingsError(
                f"POSTERS_ASSET_ALLOW: {error}; it takes hosts, host:port pairs and CIDR ranges, comma-separated"
            ) from None

    def _check_addresses(self) -> None:
        if _scheme(self.storage_url) not in ("s3", "file"):
            raise SettingsError(f"POSTERS_STORAGE_URL is `{self.storage_url}`; it starts with s3:// or file:///")
        if _scheme(self.database_url) not in ("postgresql", "postgres"):
            raise SettingsError("POSTERS_DATABASE_URL starts with postgresql://")
        if not _PORTS.search(urlsplit(self.database_url).netloc):
            raise SettingsError("POSTERS_DATABASE_URL names a port that is no number")
        if self.public_url is not None and not _PUBLIC_URL.match(self.public_url):
            raise SettingsError(
                f"POSTERS_PUBLIC_URL is `{self.public_url}`; "
                "it takes an address, as in https://cdn.example.com/posters/"
            )


def _check_list(variable: str, read: Callable[[], Mapping[str, float]], takes: str, most: int, others: str) -> None:
    """Raise SettingsError where a variable that lists sources with numbers cannot be read, or lists too many."""
    try:
        count = len(read())
    except ValueError as error:
        raise SettingsError(f"{variable}: {error}; it takes {takes}") from None
    if count > most:
        raise SettingsError(f"{variable} has {count} sources; {most} are allowed, and {others}")


def _weights(value: str) -> dict[str, float]:
    share = f"share, from {WEIGHT_MIN:g} to {WEIGHT_MAX:g}"
    return {source: float(weight) for source, weight in _by_source(value, _is_weight, share)}


def _is_weight(number: str) -> bool:
    return _WEIGHT.fullmatch(number) is not None and WEIGHT_MIN <= float(number) <= WEIGHT_MAX


def _quotas(value: str) -> dict[str, int]:
    return {source: int(number) for source, number in _by_source(value, _QUOTA.fullmatch, "number, of up to 15 digits")}


def _by_source(value: str, is_number: Callable[[str], object], what: str) -> Iterator[tuple[str, str]]:
    """Yield sources with their numbers, as in `shop=2,blog=1`. Raises ValueError where one is no `what`."""
    for entry in filter(None, value.split(",")):
        source, _, number = entry.strip().rpartition("=")
        if not source or not is_number(number):
            raise ValueError(f"`{entry.strip()}` is no source and its {what}")
        yield source, number


NAMES: Final = stream_settings.variables(Settings)


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of `environment` (default: the process's). Raises SettingsError."""
    return stream_settings.read(Settings, environment)


def _scheme(url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:  # brackets that hold no IPv6 address
        return ""
