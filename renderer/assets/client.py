"""One asset over HTTP: every hop checked, every answer bounded, nothing of ours told."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from renderer.assets.absolute_urls import rebased
from renderer.assets.address_policy import Gate
from renderer.assets.body import ENCODINGS, read_body
from renderer.assets.cached_response import Kept, told
from renderer.assets.content import SVG, checked
from renderer.assets.force_font_swap import fonts_in_any_time
from renderer.assets.freeze_svg import images_at_rest, svg_at_rest
from renderer.assets.freshness import fresh_seconds
from renderer.assets.port import AssetError, Fetched, Kind, Received, ignore

MAX_BYTES: Final[dict[Kind, int]] = {
    "image": 10 * 1024 * 1024,
    "stylesheet": 2 * 1024 * 1024,
    "font": 10 * 1024 * 1024,
}
REDIRECTS_MAX: Final = 5
_ACCEPT: Final[dict[Kind, str]] = {
    "image": "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8",
    "stylesheet": "text/css",
    "font": "font/woff2,font/woff,font/*;q=0.8",
}
_AGENT: Final = "Posterstream"
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_DELIVERED: Final = (200, 203)
_STILL_HOLDS: Final = 304
_LARGE_SHEET_BYTES: Final = 100_000
URL_MAX: Final = 16_384
"""Characters of an address that is asked for."""


class CheckedResolver(AbstractResolver):
    """Gives the HTTP library the addresses that the gate has checked, which are the ones that it dials."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return the checked addresses of a host. Raises AssetError."""
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in await self._gate.addresses(host, port)
        ]

    async def close(self) -> None:
        """Nothing to let go of."""


class Client:
    """Fetches assets. Connections are kept for reuse; cookies, credentials and proxies are not used at all."""

    def __init__(self, gate: Gate, *, clock: Callable[[], float], time_of_day: Callable[[], float]) -> None:
        self._gate = gate
        self._clock = clock
        self._time_of_day = time_of_day
        self._session = aiohttp.ClientSession(
            # Without a limit of its own: a slow host would keep the others waiting. Documents are bounded instead.
            connector=aiohttp.TCPConnector(resolver=CheckedResolver(gate), use_dns_cache=False, limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": _AGENT, "Accept-Encoding": ENCODINGS},
            timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None),
            auto_decompress=False,
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._session.close()

    async def get(self, url: str, kind: Kind, former: Kept | None = None, received: Received = ignore) -> Kept:
        """Return the asset, which is `former` where its server says that it still holds.

        Tells `received` how many bytes of a body there are. Takes as long as the servers let it: the caller bounds the
        time. Raises AssetError.
        """
        try:
            return await self._follow(_address(url), kind, former, received)
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise AssetError("asset_blocked") from None
        except aiohttp.ClientConnectorCertificateError:
            # It is not who it says it is.
            raise AssetError("asset_blocked") from None
        except (aiohttp.ClientResponseError, aiohttp.ClientPayloadError):
            raise AssetError("asset_invalid") from None
        except (aiohttp.ClientError, OSError):
            # Nobody answers, or not to the end; another time they may.
            raise AssetError("asset_timeout") from None

    async def _follow(self, url: URL, kind: Kind, former: Kept | None, received: Received) -> Kept:
        fresh_until = float("inf")
        for hop in range(REDIRECTS_MAX + 1):
            self._gate.check_literal(url.host or "", url.port or 0)
            conditions = former.conditions if former is not None and former.url == str(url) else {}
            headers = {"Accept": _ACCEPT[kind], **conditions}
            async with self._session.get(url, allow_redirects=False, headers=headers) as response:
                said = told(response)
                if response.status == _STILL_HOLDS and former is not None and conditions:
                    now, time_of_day = self._clock(), self._time_of_day()
                    return former.confirmed(said, now=now, time_of_day=time_of_day, at_most=fresh_until)
                fresh_until = min(fresh_until, self._clock() + fresh_seconds(said, self._time_of_day()))
                location = response.headers.get(hdrs.LOCATION)
                if response.status not in _REDIRECTS or location is None:
                    fetched = await _delivered(response, kind, fresh_until, received)
                    shown = await _prepared(fetched, kind, str(url), moved=hop > 0)
                    return Kept(fetched=shown, url=str(url), headers=said)
            url = _address(str(url.join(_location(location))))
        raise AssetError("asset_status", response.status)


async def _prepared(fetched: Fetched, kind: Kind, url: str, *, moved: bool) -> Fetched:
    if kind == "stylesheet" and len(fetched.body) > _LARGE_SHEET_BYTES:
        # It can take seconds, in which the others must not stand still.
        return await asyncio.to_thread(_as_shown, fetched, kind, url, moved=moved)
    return _as_shown(fetched, kind, url, moved=moved)


def _as_shown(fetched: Fetched, kind: Kind, url: str, *, moved: bool) -> Fetched:
    """Return a style sheet or an SVG image as a poster needs it, and other assets as they came."""
    if kind == "image" and fetched.content_type == SVG:
        return replace(fetched, body=svg_at_rest(fetched.body))
    if kind != "stylesheet":
        return fetched
    # Bytes stand for themselves in Latin-1, whatever the sheet's own encoding is.
    text = images_at_rest(fonts_in_any_time(fetched.body.decode("latin-1")))
    return replace(fetched, body=(rebased(text, url) if moved else text).encode("latin-1"))


def _location(text: str) -> URL:
    try:
        return URL(text)
    except ValueError:
        raise AssetError("asset_blocked") from None


def _address(url: str) -> URL:
    """Return an address to ask, without user info and fragment. Raises AssetError `asset_blocked`."""
    if len(url) > URL_MAX:
        raise AssetError("asset_blocked")
    try:
        # The browser has encoded it already, and a server may care how.
        address = URL(url, encoded=True).with_fragment(None)
        host, port = address.host, address.port
    except ValueError:
        raise AssetError("asset_blocked") from None
    if address.scheme not in ("http", "https") or not host or not port or _odd(url):
        raise AssetError("asset_blocked")
    return address.with_user(None)


def _odd(url: str) -> bool:
    return any(character <= " " or character == "\x7f" for character in url)


async def _delivered(response: aiohttp.ClientResponse, kind: Kind, fresh_until: float, received: Received) -> Fetched:
    status = response.status
    if status not in _DELIVERED:
        raise AssetError("asset_status", status)
    limit = MAX_BYTES[kind]
    if (response.content_length or 0) > limit:
        raise AssetError("asset_too_large", status)
    encoding = response.headers.get(hdrs.CONTENT_ENCODING, "")
    try:
        body = await read_body(response.content.iter_any(), encoding, limit, status, received)
    except aiohttp.ClientPayloadError:
        raise AssetError("asset_invalid", status) from None
    content_type, pixels = checked(body, response.headers.get(hdrs.CONTENT_TYPE, ""), kind, status)
    return Fetched(body=body, content_type=content_type, status=status, pixels=pixels, fresh_until=fresh_until)
