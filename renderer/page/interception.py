"""Request interception: nothing that a document asks the network for goes through, but what the asset port answers."""

import asyncio
import base64
import math
import re
from dataclasses import replace
from html import unescape
from typing import Any, Final, cast
from urllib.parse import urlsplit

from renderer.assets.port import KINDS, AssetError, Kind
from renderer.browser.devtools import Answer, Session
from renderer.page.document_assets import DocumentAssets
from renderer.rendering import AssetUsage
from schemas.outcomes import Asset

_SCHEMES: Final = ("http:", "https:", "ws:", "wss:")
_NAMESPACE: Final = re.compile(r"https?://www\.w3\.org/(?:2000/svg|1999/xlink|1999/xhtml|1998/Math/MathML)")
_WILDCARD: Final = re.compile(r"[*?\\]")
_INLINE: Final = ("data:", "blob:")
_DOCUMENTS: Final = {"resourceType": "Document"}
ENTRIES_MAX: Final = 1_000


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
        self.block(sent["request"]["url"])

    def answer(self, paused: dict[str, Any]) -> None:
        """Begin to answer a request that Chromium has paused."""
        task = asyncio.create_task(self._answer(paused))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    def block(self, url: str) -> None:
        """Add an entry for an address that is not fetched."""
        if url.startswith(_INLINE):
            return  # not parsed: `urlsplit` caches what it has seen, and an image has megabytes
        url = _without_fragment(url)
        if public_url(url) and url not in self._entries and len(self._entries) < ENTRIES_MAX:
            self._entries[url] = Asset(url=public_url(url), ok=False, reason="asset_blocked")

    def mark_invalid(self, url: str) -> None:
        """Record that the document does not show an asset, although it may have been fetched."""
        self.block(url)
        url = _without_fragment(url)
        asset = self._entries.get(url)
        if asset is not None and asset.ok:
            self._entries[url] = replace(asset, ok=False, reason="asset_invalid")

    def usage(self) -> AssetUsage:
        """Return what became of each address asked for, in the order of the requests."""
        assets = list(self._entries.values())
        if self._document_assets is None:
            return AssetUsage(
                assets=assets,
                contents=[None] * len(assets),
                fresh_until=-math.inf if assets else math.inf,
            )
        missing = any(not asset.ok for asset in assets)
        return AssetUsage(
            assets=assets,
            contents=[self._document_assets.contents.get(url) for url in self._entries],
            fresh_until=-math.inf if missing else self._document_assets.fresh_until,
        )

    async def _answer(self, paused: dict[str, Any]) -> None:
        url = _without_fragment(paused["request"]["url"])
        kind = paused["resourceType"].lower()
        self.block(url)  # the event of the request itself may come later
        if self._document_assets is None or kind not in KINDS:
            self._fail(paused, "BlockedByClient")
            return
        try:
            fetched = await self._document_assets.get(url, cast("Kind", kind))
        except AssetError as error:
            self._record(url, ok=False, status=error.status, reason=error.code)
            self._fail(paused, "Failed")
            return
        self._record(url, ok=True, status=fetched.status, size=len(fetched.body))
        # The document has an opaque origin, so fonts need a header that allows any.
        headers = {"content-type": fetched.content_type, "access-control-allow-origin": "*"}
        answer = {
            "requestId": paused["requestId"],
            "responseCode": fetched.status,
            "responseHeaders": [{"name": name, "value": value} for name, value in headers.items()],
            "body": base64.b64encode(fetched.body).decode(),
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
    ) -> None:
        if url in self._entries and self._document_assets is not None:
            milliseconds = self._document_assets.milliseconds.get(url)
            self._entries[url] = Asset(
                url=public_url(url), ok=ok, status=status, reason=reason, bytes=size, ms=milliseconds
            )


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
