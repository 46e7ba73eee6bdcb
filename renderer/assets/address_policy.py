"""Whom we may connect to: a host is resolved once, every address is checked, and only checked ones are dialled."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final

from renderer.assets.addresses import inner_address, is_public
from renderer.assets.allowed_hosts import Address, AllowedHosts
from renderer.assets.port import AssetError

Resolve = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host, as texts. Raises OSError."""

_Found = list[tuple[object, object, object, object, tuple[object, ...]]]
_THREADS: Final = 256
"""Questions at once: those that no name server answers last for many seconds, and nothing can end them before."""


class SystemResolver:
    """Asks the system, in threads of its own: a slow name server would take those that storage needs.

    A question that is under way is not asked again, so that one host does not take all threads.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolve")
        self._questions: dict[tuple[str, int], asyncio.Future[_Found]] = {}

    async def __call__(self, host: str, port: int) -> list[str]:
        """Return the addresses of a host, most preferred first. Raises OSError."""
        question = self._questions.get((host, port)) or self._ask(host, port)
        found = await asyncio.shield(question)
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def _ask(self, host: str, port: int) -> "asyncio.Future[_Found]":
        question = asyncio.get_running_loop().run_in_executor(self._threads, _look_up, host, port)
        self._questions[host, port] = question
        question.add_done_callback(lambda _: self._questions.pop((host, port)))
        # Whoever asked may have given up, and then nobody needs to know why there is no answer.
        question.add_done_callback(lambda done: done.cancelled() or done.exception())
        return question

    def close(self) -> None:
        """Take no more questions."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int) -> _Found:
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
