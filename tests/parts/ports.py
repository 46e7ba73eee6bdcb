"""Ports for servers that start, die and start again on the same port."""

import secrets
import socket

# Below what Linux hands to outgoing connections (32768 and up): a client that keeps dialling a port of that range
# while its server is down can end up connected to itself, and the server can no longer bind.
_FIRST = 15_000
_COUNT = 17_000


def free_port() -> int:
    """Return an unused TCP port of 127.0.0.1 outside the range of outgoing connections."""
    while True:
        port = _FIRST + secrets.randbelow(_COUNT)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def accepts(port: int) -> bool:
    """Return whether a server listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
