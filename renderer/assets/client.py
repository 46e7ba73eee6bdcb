"""The HTTP client: every redirect checked, every response bounded, no cookies, credentials or referers sent."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

import aiohttp
from aiohttp import hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from renderer.assets.absolute_urls import absolute_urls
from renderer.assets.address_policy import AddressPolicy
from renderer.assets.body import ENCODINGS, read_body, too_large
from renderer.assets.cached_response import CachedResponse, caching_headers
from renderer.assets.content import SVG, check_content
from renderer.assets.force_font_swap import force_font_swap
from renderer.assets.freeze_svg import freeze_svg, freeze_svg_images
from renderer.assets.freshness import fresh_seconds
from renderer.assets.integrity import digests_of
from renderer.assets.port import AssetError, Fetched, Kind, Received, ignore

MAX_BYTES: Final[dict[Kind, int]] = {
    "image": 10 * 1024 * 1024,
    "stylesheet": 5 * 1024 * 1024,
    "font": 10 * 1024 * 1024,
    "script": 5 * 1024 * 1024,
}
REDIRECTS_MAX: Final = 5
_ACCEPT: Final[dict[Kind, str]] = {
    "image": "image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8",
    "stylesheet": "text/css",
    "font": "font/woff2,font/woff,font/*;q=0.8",
    "script": "*/*",
}
_AGENT: Final = "Posterstream"
# Services of fonts choose by the browser: others get whole fonts in old formats instead of subsets in WOFF2. Those of
# Chrome with another name behind it, even Edge when that was new, have counted as others.
_SHEETS_AGENT: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
_NO_ADDRESS: Final = "it is no https:// or http:// address"
_NO_ANSWER: Final = "its server gave no whole answer"
_REDIRECTS: Final = (301, 302, 303, 307, 308)
_SUCCESSES: Final = (200, 203)
_NOT_MODIFIED: Final = 304
_LARGE_BYTES: Final = 100_000
_DIGESTED: Final = ("stylesheet", "script")
"""Kinds of assets whose content a document may pin with `integrity`."""
URL_MAX: Final = 16_384
"""Characters of an address that is requested."""


class CheckedResolver(AbstractResolver):
    """Gives the HTTP library the checked addresses of a host, which are the ones that it dials."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Return the checked addresses of a host. Raises AssetError."""
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in await self._policy.addresses(host, port)
        ]

    async def close(self) -> None:
        """Nothing to close."""


class Client:
    """Fetches assets. Connections are reused; cookies, credentials and proxies are not used at all."""

    def __init__(self, policy: AddressPolicy, *, clock: Callable[[], float], time_of_day: Callable[[], float]) -> None:
        self._policy = policy
        self._clock = clock
        self._time_of_day = time_of_day
        self._session = aiohttp.ClientSession(
            # No limit of connections: a slow host would block the others. The assets of a document are limited instead.
            connector=aiohttp.TCPConnector(resolver=CheckedResolver(policy), use_dns_cache=False, limit=0),
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

    async def get(
        self, url: str, kind: Kind, former: CachedResponse | None = None, received: Received = ignore
    ) -> CachedResponse:
        """Return the asset, which is `former` where its server answers that it is not modified.

        Calls `received` with the number of bytes so far. Has no timeout: the caller bounds the time. Raises AssetError.
        """
        try:
            return await self._follow(_address(url), kind, former, received)
        except (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError):
            raise AssetError("asset_blocked", detail=_NO_ADDRESS) from None
        except aiohttp.ClientConnectorCertificateError:
            # The server may be an impostor, so its address counts as not allowed.
            raise AssetError("asset_blocked", detail="its server has no valid certificate") from None
        except (aiohttp.ClientResponseError, aiohttp.ClientPayloadError):
            raise AssetError("asset_invalid", detail="its server's answer is not HTTP") from None
        except (aiohttp.ClientError, OSError):
            # No answer, or not all of it; another time there may be one.
            raise AssetError("asset_timeout", detail=_NO_ANSWER) from None

    async def _follow(self, url: URL, kind: Kind, former: CachedResponse | None, received: Received) -> CachedResponse:
        fresh_until = float("inf")
        for hop in range(REDIRECTS_MAX + 1):
            self._policy.check_literal(url.host or "", url.port or 0)
            conditions = former.conditions if former is not None and former.url == str(url) else {}
            headers = {"Accept": _ACCEPT[kind], **conditions}
            if kind == "stylesheet":
                headers["User-Agent"] = _SHEETS_AGENT
            async with self._session.get(url, allow_redirects=False, headers=headers) as response:
                caching = caching_headers(response)
                if response.status == _NOT_MODIFIED and former is not None and conditions:
                    now, time_of_day = self._clock(), self._time_of_day()
                    return former.revalidated(caching, now=now, time_of_day=time_of_day, at_most=fresh_until)
                fresh_until = min(fresh_until, self._clock() + fresh_seconds(caching, self._time_of_day()))
                location = response.headers.get(hdrs.LOCATION)
                if response.status not in _REDIRECTS or location is None:
                    fetched = await _read(response, kind, fresh_until, received)
                    prepared = await _prepared(fetched, kind, str(url), redirected=hop > 0)
                    return CachedResponse(fetched=prepared, url=str(url), headers=caching)
            url = _address(str(url.join(_location(location))))
        raise AssetError("asset_status", response.status, f"it has more than {REDIRECTS_MAX} redirects")


async def _prepared(fetched: Fetched, kind: Kind, url: str, *, redirected: bool) -> Fetched:
    if kind in _DIGESTED and len(fetched.body) > _LARGE_BYTES:
        # It can take a while, for which the event loop must not be blocked.
        return await asyncio.to_thread(_rewritten, fetched, kind, url, redirected=redirected)
    return _rewritten(fetched, kind, url, redirected=redirected)


def _rewritten(fetched: Fetched, kind: Kind, url: str, *, redirected: bool) -> Fetched:
    """Return a style sheet or an SVG image as a picture needs it, with the digests of what it was."""
    if kind == "image" and fetched.content_type == SVG:
        return replace(fetched, body=freeze_svg(fetched.body))
    if kind not in _DIGESTED:
        return fetched
    fetched = replace(fetched, digests=digests_of(fetched.body))
    if kind == "script":
        return fetched
    # Latin-1 keeps every byte, whatever the sheet's own encoding is.
    text = freeze_svg_images(force_font_swap(fetched.body.decode("latin-1")))
    return replace(fetched, body=(absolute_urls(text, url) if redirected else text).encode("latin-1"))


def _location(text: str) -> URL:
    try:
        return URL(text)
    except ValueError:
        raise AssetError("asset_blocked", detail=_NO_ADDRESS) from None


def _address(url: str) -> URL:
    """Return an address to request, without user info and fragment. Raises AssetError `asset_blocked`."""
    if len(url) > URL_MAX:
        raise AssetError("asset_blocked", detail=f"the address has more than {URL_MAX:,} characters")
    try:
        # The browser has percent-encoded it already, and a server may depend on how.
        address = URL(url, encoded=True).with_fragment(None)
        host, port = address.host, address.port
    except ValueError:
        raise AssetError("asset_blocked", detail=_NO_ADDRESS) from None
    if address.scheme not in ("http", "https") or not host or not port or _has_control_characters(url):
        raise AssetError("asset_blocked", detail=_NO_ADDRESS)
    return address.with_user(None)


def _has_control_characters(url: str) -> bool:
    return any(character <= " " or character == "\x7f" for character in url)


async def _read(response: aiohttp.ClientResponse, kind: Kind, fresh_until: float, received: Received) -> Fetched:
    status = response.status
    if status not in _SUCCESSES:
        raise AssetError("asset_status", status, f"its server answered {status}")
    limit = MAX_BYTES[kind]
    if (response.content_length or 0) > limit:
        raise too_large(limit, status)
    encoding = response.headers.get(hdrs.CONTENT_ENCODING, "")
    try:
        body = await read_body(response.content.iter_any(), encoding, limit, status, received)
    except aiohttp.ClientPayloadError:
        raise AssetError("asset_invalid", status, _NO_ANSWER) from None
    no_sniff = response.headers.get("X-Content-Type-Options", "").split(",")[0].strip().lower() == "nosniff"
    declared = response.headers.get(hdrs.CONTENT_TYPE, "")
    content_type, pixels = check_content(body, declared, kind, status, no_sniff=no_sniff)
    return Fetched(body=body, content_type=content_type, status=status, pixels=pixels, fresh_until=fresh_until)
