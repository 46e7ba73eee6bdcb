"""Public addresses: all but those of the registries of special-purpose addresses (RFC 6890 and its successors)."""

from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

from renderer.assets.allowed_hosts import Address

_NOT_PUBLIC: Final = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # Microsoft's metadata service answers at an address that is public everywhere else.
        "168.63.129.16/32",
        "2001::/23",  # with Teredo, which tunnels to other addresses
        "2001:db8::/32",
        "2002::/16",  # 6to4: likewise
        "3fff::/20",
    )
)
_GLOBAL_UNICAST: Final = ip_network("2000::/3")
_NAT64: Final = ip_network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Say whether an address is public. One that embeds an IPv4 address counts as that one."""
    inner = inner_address(address)
    if inner is not None:
        return is_public(inner)
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    return not any(address.version == each.version and address in each for each in _NOT_PUBLIC)


def inner_address(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address embeds: as IPv4-mapped address, or by NAT64."""
    if not isinstance(address, IPv6Address):
        return None
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped
