"""Whom we may connect to: a host is resolved once, every address is checked, and only checked ones are dialled."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final

from agents.assets.addresses import inner_address, is_public
from agents.assets.port import AssetError
from streams.allowed_hosts import Address, AllowedHosts

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host, as texts. Raises OSError."""

_THREADS: Final = 256
"""Questions at once: those that no name server answers last for many seconds, and nothing can end them before."""


class SystemResolver:
    """Asks the system, in threads of its own: a slow name server would take those that storage needs."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, most preferred first. Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _look_up, host, port)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Take no more questions."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> list[tuple[object, object, object, object, tuple[object, ...]]]:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


class Gate:
    """Lets the public network through, and what `allowed` names beyond it."""

    def __init__(self, allowed: AllowedHosts, resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve

    def check_literal(self, host: str, port: int) -> None:
        """Check a host that is an address already; names are left to `addresses`. Raises AssetError."""
        try:
            address = ip_address(host)
        except ValueError:
            return
        if not self._permits(host, port, address):
            raise AssetError("asset_blocked")

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return where a host may be dialled.

        Raises AssetError: `asset_blocked` where none of its addresses may be or the name does not exist,
        `asset_timeout` where it cannot be resolved for now.
        """
        try:
            found = await self._resolve(host, port)
        except socket.gaierror as error:
            raise AssetError("asset_timeout" if error.errno == socket.EAI_AGAIN else "asset_blocked") from None
        except (OSError, UnicodeError):
            raise AssetError("asset_blocked") from None
        permitted = [each for each in found if self._permits(host, port, ip_address(each))]
        if not permitted:
            raise AssetError("asset_blocked")
        return permitted

    def _permits(self, host: str, port: int, address: Address) -> bool:
        inner = inner_address(address)
        return (
            is_public(address)
            or self._allowed.has_host(host, port)
            or self._allowed.has_address(address)
            or (inner is not None and self._allowed.has_address(inner))
        )
