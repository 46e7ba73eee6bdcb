"""Compares settings of ours with what the broker accepts. Asks no broker: values in, sentences out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

REDPANDA: Final = "redpanda."
"""What the cluster id of a Redpanda begins with."""
SHORTEST_SESSION: Final = "group.min.session.timeout.ms"
LONGEST_SESSION: Final = "group.max.session.timeout.ms"
REDPANDA_SESSION: Final = (6.0, 300.0)
"""In seconds: its defaults of `group_min_session_timeout_ms` and `group_max_session_timeout_ms`. It lists neither."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """What a broker says of its cluster: the id, how many brokers there are, and the id of one of them."""

    id: str = ""
    brokers: int = 0
    a_broker: int = 0

    @property
    def is_redpanda(self) -> bool:
        """Whether its brokers are Redpanda."""
        return self.id.startswith(REDPANDA)


def replication_problem(replication: int, cluster: Cluster) -> str | None:
    """Return why the cluster cannot make this many copies of a topic, or None. 0 stands for its default."""
    if replication > cluster.brokers:
        has = "one broker" if cluster.brokers == 1 else f"{cluster.brokers} brokers"
        return (
            f"POSTERS_REPLICATION is {replication}, and the cluster has {has}: each copy of a topic is on a broker of "
            "its own; set a lower number, or 0"
        )
    if cluster.is_redpanda and replication and replication % 2 == 0:
        return (
            f"POSTERS_REPLICATION is {replication}; Redpanda makes an odd number of copies, because a majority of them "
            f"decides: set {replication - 1} or, with brokers enough, {replication + 1}"
        )
    return None


def session_problem(seconds: float, broker_settings: Mapping[str, str | None]) -> str | None:
    """Return why a broker with these settings refuses this session timeout, or None where it takes it or lists none."""
    shortest, longest = (_seconds(broker_settings.get(name)) for name in (SHORTEST_SESSION, LONGEST_SESSION))
    if (shortest is None or seconds >= shortest) and (longest is None or seconds <= longest):
        return None
    return (
        f"POSTERS_SESSION_TIMEOUT is {seconds:g}; this broker lets no member into a group whose session timeout is not "
        f"between {shortest or 0:g} and {longest or float('inf'):g} s ({SHORTEST_SESSION}, {LONGEST_SESSION})"
    )


def session_warning(seconds: float, cluster: Cluster) -> str | None:
    """Return what to look at where Redpanda, which does not list its limits, may refuse this session timeout."""
    shortest, longest = REDPANDA_SESSION
    if not cluster.is_redpanda or shortest <= seconds <= longest:
        return None
    return (
        f"POSTERS_SESSION_TIMEOUT is {seconds:g}; unless they were changed, Redpanda's limits are {shortest:g} and "
        f"{longest:g} s, and it lets no worker into its group: see group_min_session_timeout_ms and "
        "group_max_session_timeout_ms"
    )


def _seconds(milliseconds: str | None) -> float | None:
    return int(milliseconds) / 1000 if milliseconds and milliseconds.isdecimal() else None
