"""Allowlist of hosts and address ranges beyond the public network, as the setting writes it."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

Address = IPv4Address | IPv6Address
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})*\.?\Z")
_HOST = re.compile(r"(?P<bracketed>\[[^\]]*\])?(?P<plain>[^:\[\]]*)(?::(?P<port>[0-9]{1,5}))?\Z")
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Hosts as the addresses of assets name them, on one port or (None) on all, and ranges of IP addresses."""

    hosts: frozenset[tuple[str, int | None]] = frozenset()
    ranges: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read hosts, `host:port`, `[IPv6]:port` and CIDR ranges, comma-separated. Raises ValueError with the entry."""
        hosts, ranges = set(), []
        for entry in (part.strip() for part in text.split(",")) if text.strip() else ():
            if "/" in entry and "//" not in entry:
                ranges.append(_range(entry))
            else:
                hosts.add(_host(entry))
        return cls(frozenset(hosts), tuple(ranges))

    def has_host(self, host: str, port: int) -> bool:
        """Say whether a host is listed. It may then resolve to any address."""
        name = _normal(host)
        return (name, None) in self.hosts or (name, port) in self.hosts

    def has_address(self, address: Address) -> bool:
        """Say whether an address is in one of the ranges."""
        return any(address.version == each.version and address in each for each in self.ranges)


def _range(entry: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(entry)
    except ValueError as error:
        raise ValueError(f"`{entry}` is no CIDR range: {error}") from None


def _host(entry: str) -> tuple[str, int | None]:
    try:
        return _normal(str(ip_address(entry))), None
    except ValueError:
        pass  # a name, or an address with a port
    match = _HOST.match(entry)
    if match is None or bool(match["bracketed"]) == bool(match["plain"]):
        raise ValueError(f"`{entry}` is no host, `host:port` or CIDR range")
    try:
        host = _normal(match["bracketed"] or match["plain"])
    except ValueError as error:
        raise ValueError(f"`{entry}` has no IPv6 address in its brackets: {error}") from None
    port = int(match["port"]) if match["port"] else None
    if port is not None and not 0 < port <= _PORT_MAX:
        raise ValueError(f"`{entry}` has a port that is not within 1 and {_PORT_MAX:,}")
    if not match["bracketed"] and not _NAME.match(host):
        raise ValueError(f"`{entry}` is no host, `host:port` or CIDR range")
    return host, port


def _normal(host: str) -> str:
    """Return a host in the form in which hosts are compared. Raises ValueError for brackets around no IPv6 address."""
    name = host.lower().rstrip(".")
    if name.startswith("["):
        return str(IPv6Address(name.strip("[]")))
    try:
        return str(ip_address(name))
    except ValueError:
        return name
