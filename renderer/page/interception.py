"""Request interception: nothing that a document asks the network for goes through, but what the asset port answers."""

import asyncio
import math
import re
from dataclasses import replace
from html import unescape
from typing import Any, Final, cast
from urllib.parse import urlsplit

from renderer.assets.document_addresses import is_relative, relative_address
from renderer.assets.port import KINDS, AssetError, Kind
from renderer.browser.devtools import Answer, Session, encoded_bytes
from renderer.page.document_assets import MANY, DocumentAssets
from renderer.rendering import AssetUsage
from schemas.outcomes import Asset

_SCHEMES: Final = ("http:", "https:", "ws:", "wss:")
_NAMESPACE: Final = re.compile(r"https?://www\.w3\.org/(?:2000/svg|1999/xlink|1999/xhtml|1998/Math/MathML)")
_WILDCARD: Final = re.compile(r"[*?\\]")
_AUTHORITY_ENDS: Final = re.compile(r"[/?#]")
_INLINE: Final = ("data:", "blob:")
_PREFETCH_KINDS: Final = ("other", "prefetch", "fetch", "xhr")
_DOCUMENTS: Final = {"resourceType": "Document"}
ENTRIES_MAX: Final = 1_000
_NOWHERE: Final = (
    "a relative address: a poster has no address of its own; write https://… or give the document a <base href>"
)
_NO_NETWORK: Final = "this renderer loads nothing from the network"
_USER_INFO: Final = "an address with a user or password is not loaded, write it without them"
_NOT_LOADED: Final = {
    "refresh": "a poster does not navigate, remove the <meta http-equiv=refresh>",
    "document": "frames are not loaded from the network",
    "media": "audio and video are not loaded",
    "texttrack": "audio and video are not loaded",
    "xhr": "scripts get no data from the network",
    "fetch": "scripts get no data from the network",
    "websocket": "scripts get no data from the network",
    "eventsource": "scripts get no data from the network",
}
_OTHER: Final = "this kind of content is not loaded from the network"
"""Why a kind of request is never answered, by its name in the DevTools protocol."""


def may_use_network(html: str) -> bool:
    """Say whether a document names an address of the network. A missed one is not fetched, so it cannot do harm."""
    text = _NAMESPACE.sub("", html)
    return _has_scheme(text) or ("&" in text and _has_scheme(unescape(text)))


def _has_scheme(text: str) -> bool:
    lowered = text.lower()
    return any(scheme in lowered for scheme in _SCHEMES)


def intercept_documents(session: Session) -> Answer:
    """Have Chromium pause navigations to other documents, and no other requests."""
    return session.send("Fetch.enable", {"patterns": [_DOCUMENTS]})


class RequestInterceptor:
    """Answers the requests of one document, and records what became of each address."""

    def __init__(self, session: Session, document_assets: DocumentAssets | None) -> None:
        self._session = session
        self._document_assets = document_assets
        self._entries: dict[str, Asset] = {}
        self._answers: set[asyncio.Task[None]] = set()
        self._is_replaced = False
        """An asset is missing that the document has another for, so the next time the picture may be another."""

    async def start(self) -> None:
        """Begin to intercept requests, if there is anything to answer them with."""
        if self._document_assets is not None:
            addresses = self._document_assets.addresses
            # The rest ends in Chromium, which has no network; each request that is intercepted takes much longer.
            urls = ["*"] if addresses is None else [_WILDCARD.sub(r"\\\g<0>", address) for address in addresses]
            patterns = [_DOCUMENTS, *({"urlPattern": pattern} for pattern in urls)]
            await self._session.send("Fetch.enable", {"patterns": patterns})

    async def stop(self) -> None:
        """Intercept no more requests but navigations."""
        if self._document_assets is not None:
            await intercept_documents(self._session)

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return bool(self._answers)

    async def wait_idle(self) -> None:
        """Return once no request waits for its answer."""
        while self._answers:
            await asyncio.wait(self._answers)

    def record_request(self, sent: dict[str, Any]) -> None:
        """Add an entry for a request; until it is answered it stands as blocked."""
        kind = sent.get("type", "other").lower()
        if not _is_prefetch(sent["request"], kind):
            self.block(sent["request"]["url"], kind)

    def answer(self, paused: dict[str, Any]) -> None:
        """Begin to answer a request that Chromium has paused."""
        task = asyncio.create_task(self._answer(paused))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    def block(self, url: str, kind: str = "other") -> None:
        """Add an entry for an address that is not fetched, of a kind of the DevTools protocol."""
        if url.startswith(_INLINE):
            return  # not parsed: `urlsplit` caches what it has seen, and an image has megabytes
        url = _without_fragment(url)
        if url in self._entries or len(self._entries) >= ENTRIES_MAX:
            return
        relative = relative_address(url)
        if relative is None and is_relative(url):
            relative = url.partition("?")[0]
        if relative is not None:
            self._entries[url] = Asset(url=relative or "./", ok=False, reason="relative_address", detail=_NOWHERE)
        elif public_url(url):
            self._entries[url] = Asset(
                url=public_url(url), ok=False, reason="asset_blocked", detail=self._why_blocked(url, kind)
            )

    def block_refresh(self, url: str) -> None:
        """Add an entry for where the document would navigate, in place of the one for its request."""
        self._entries.pop(_without_fragment(url), None)
        self.block(url, "refresh")

    def _why_blocked(self, url: str, kind: str) -> str | None:
        if not url.startswith(_SCHEMES):
            return "only https:// and http:// addresses are loaded"
        if kind not in KINDS:
            return _NOT_LOADED.get(kind, _OTHER)
        if self._document_assets is None:
            return _NO_NETWORK
        if "@" in _AUTHORITY_ENDS.split(url.partition("://")[2], maxsplit=1)[0]:
            return _USER_INFO  # Chromium refuses them, before anybody else is asked
        return None if self._document_assets.addresses is None else MANY.detail

    def mark_invalid(self, url: str) -> None:
        """Record that the document does not show an asset, although it may have been fetched."""
        self.block(url, "image")
        url = _without_fragment(url)
        asset = self._entries.get(url)
        if asset is not None and asset.ok:
            self._entries[url] = replace(asset, ok=False, reason="asset_invalid", detail="the browser cannot use it")

    def forget_replaced(self, url: str) -> None:
        """Remove the entry of an asset, if that is missing: the document has another instead, until it is there."""
        url = _without_fragment(url)
        asset = self._entries.get(url)
        if asset is not None and not asset.ok:
            del self._entries[url]
            self._is_replaced = True

    def usage(self) -> AssetUsage:
        """Return what became of each address asked for, in the order of the requests."""
        assets = list(self._entries.values())
        # A relative address leads nowhere the next time as well.
        missing = self._is_replaced or any(not asset.ok and asset.reason != "relative_address" for asset in assets)
        if self._document_assets is None:
            return AssetUsage(
                assets=assets, contents=[None] * len(assets), fresh_until=-math.inf if missing else math.inf
            )
        return AssetUsage(
            assets=assets,
            contents=[self._document_assets.contents.get(url) for url in self._entries],
            fresh_until=-math.inf if missing else self._document_assets.fresh_until,
        )

    async def _answer(self, paused: dict[str, Any]) -> None:
        url = _without_fragment(paused["request"]["url"])
        kind = paused["resourceType"].lower()
        if not _is_prefetch(paused["request"], kind):
            self.block(url, kind)  # the event of the request itself may come later
        if self._document_assets is None or kind not in KINDS or relative_address(url) is not None:
            self._fail(paused, "BlockedByClient")
            return
        try:
            fetched = await self._document_assets.get(url, cast("Kind", kind))
        except AssetError as error:
            self._record(url, ok=False, status=error.status, reason=error.code, detail=error.detail)
            self._fail(paused, "Failed")
            return
        self._record(url, ok=True, status=fetched.status, size=len(fetched.body))
        # The document has an opaque origin, so fonts need a header that allows any.
        headers = {"content-type": fetched.content_type, "access-control-allow-origin": "*"}
        answer = {
            "requestId": paused["requestId"],
            "responseCode": fetched.status,
            "responseHeaders": [{"name": name, "value": value} for name, value in headers.items()],
            "body": encoded_bytes(fetched.body),
        }
        self._session.tell("Fetch.fulfillRequest", answer)

    def _fail(self, paused: dict[str, Any], reason: str) -> None:
        self._session.tell("Fetch.failRequest", {"requestId": paused["requestId"], "errorReason": reason})

    def _record(
        self,
        url: str,
        *,
        ok: bool,
        status: int | None,
        reason: str | None = None,
        size: int | None = None,
        detail: str | None = None,
    ) -> None:
        if url in self._entries and self._document_assets is not None:
            milliseconds = self._document_assets.milliseconds.get(url)
            self._entries[url] = Asset(
                url=public_url(url), ok=ok, status=status, reason=reason, bytes=size, ms=milliseconds, detail=detail
            )


def _is_prefetch(request: dict[str, Any], kind: str) -> bool:
    """Say whether a request is that of a `<link rel=prefetch>`: for a page that would come after this one."""
    return kind in _PREFETCH_KINDS and request.get("initialPriority") == "VeryLow"


def _without_fragment(url: str) -> str:
    """Return `url` up to its fragment, whether or not it is an address at all."""
    return url.partition("#")[0]


def public_url(url: str) -> str:
    """Return `url` without user info, query and fragment; empty for what is no address of the network."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "invalid:"
    if parts.scheme in ("data", "about", "blob", "javascript", ""):
        return ""
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
