"""SSRF guard: resolve once, check every address, dial only checked addresses (no DNS rebinding).

It is our own because the check has to be where the HTTP client resolves names: one before the request would be about
other addresses than those that are dialled.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final

from renderer.assets.addresses import inner_address, is_public
from renderer.assets.allowed_hosts import Address, AllowedHosts
from renderer.assets.port import AssetError

_NOT_PUBLIC: Final = (
    "the address is not public; the workers' setting POSTERS_ASSET_ALLOW can name its host, or its address range"
)
Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host, as texts. Raises OSError."""

_NO_HOST: Final = "no host has this name"

_Found = list[tuple[object, object, object, object, tuple[object, ...]]]
_THREADS: Final = 256
"""Look-ups at once: those that no name server answers last for many seconds, and nothing can cancel them."""


class SystemResolver:
    """Resolves by the system, in its own threads: a slow name server must not block the threads that storage needs.

    Equal look-ups under way are joined, so that one host does not take all threads.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")
        self._look_ups: dict[tuple[str, int], asyncio.Future[_Found]] = {}

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, most preferred first. Raises OSError."""
        found = await asyncio.shield(self._look_ups.get((host, port)) or self._begin(host, port))
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def _begin(self, host: str, port: int) -> "asyncio.Future[_Found]":
        look_up = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port)
        self._look_ups[host, port] = look_up
        look_up.add_done_callback(lambda _: self._look_ups.pop((host, port)))
        # The caller may be cancelled, and then nobody retrieves the error.
        look_up.add_done_callback(lambda done: done.cancelled() or done.exception())
        return look_up

    def close(self) -> None:
        """Begin no more look-ups."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> _Found:
    return list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


class AddressPolicy:
    """Permits the addresses of the public network, and those that `allowed` names beyond it."""

    def __init__(self, allowed: AllowedHosts, resolve: Resolve) -> None:
        self._allowed = allowed
        self._resolve = resolve

    def check_literal(self, host: str, port: int) -> None:
        """Check a host that is an IP address; names are left to `addresses`. Raises AssetError `asset_blocked`."""
        try:
            address = ip_address(host)
        except ValueError:
            return
        if not self._permits(host, port, address):
            raise AssetError("asset_blocked", detail=_NOT_PUBLIC)

    async def addresses(self, host: str, port: int) -> list[str]:
        """Return the permitted addresses of a host.

        Raises AssetError: `asset_blocked` where it has none or the name does not exist, `asset_timeout` where it cannot
        be resolved for now.
        """
        try:
            found = await self._resolve(host, port)
        except socket.gaierror as error:
            if error.errno == socket.EAI_AGAIN:
                raise AssetError("asset_timeout", detail="no name server answered for the host") from None
            raise AssetError("asset_blocked", detail=_NO_HOST) from None
        except (OSError, UnicodeError):
            raise AssetError("asset_blocked", detail=_NO_HOST) from None
        permitted = [each for each in found if self._permits(host, port, ip_address(each))]
        if not permitted:
            raise AssetError("asset_blocked", detail=_NOT_PUBLIC if found else _NO_HOST)
        return permitted

    def _permits(self, host: str, port: int, address: Address) -> bool:
        inner = inner_address(address)
        return (
            is_public(address)
            or self._allowed.has_host(host, port)
            or self._allowed.has_address(address)
            or (inner is not None and self._allowed.has_address(inner))
        )
