"""What a document asks the network for: nothing is let through but what the asset port answers."""

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

_HINTS: Final = ("http:", "https:", "ws:", "wss:")
_NAMESPACE: Final = re.compile(r"https?://www\.w3\.org/(?:2000/svg|1999/xlink|1999/xhtml|1998/Math/MathML)")
_WILDCARD: Final = re.compile(r"[*?\\]")
_HELD: Final = ("data:", "blob:")
_DOCUMENTS: Final = {"resourceType": "Document"}
ENTRIES_MAX: Final = 1_000


def may_use_network(html: str) -> bool:
    """Say whether a document names an address of the network. A missed one is not fetched, so it cannot do harm."""
    text = _NAMESPACE.sub("", html)
    return _has_hint(text) or ("&" in text and _has_hint(unescape(text)))


def _has_hint(text: str) -> bool:
    lowered = text.lower()
    return any(hint in lowered for hint in _HINTS)


def refuse_documents(session: Session) -> Answer:
    """Have Chromium ask for leave to go to another document, and for nothing else."""
    return session.send("Fetch.enable", {"patterns": [_DOCUMENTS]})


class RequestInterceptor:
    """The requests of one document."""

    def __init__(self, session: Session, supply: DocumentAssets | None) -> None:
        self._session = session
        self._supply = supply
        self._assets: dict[str, Asset] = {}
        self._answers: set[asyncio.Task[None]] = set()

    async def serve(self) -> None:
        """Begin to answer requests, if there is anything to answer with."""
        if self._supply is not None:
            addresses = self._supply.addresses
            # The rest ends in Chromium, which has no network; each request that is let out to us takes much longer.
            wanted = ["*"] if addresses is None else [_WILDCARD.sub(r"\\\g<0>", address) for address in addresses]
            patterns = [_DOCUMENTS, *({"urlPattern": pattern} for pattern in wanted)]
            await self._session.send("Fetch.enable", {"patterns": patterns})

    async def stop(self) -> None:
        """Answer no more requests."""
        if self._supply is not None:
            await refuse_documents(self._session)

    @property
    def busy(self) -> bool:
        """Whether a request waits for its answer."""
        return bool(self._answers)

    async def idle(self) -> None:
        """Return once no request waits for its answer."""
        while self._answers:
            await asyncio.wait(self._answers)

    def note(self, sent: dict[str, Any]) -> None:
        """Keep an entry for a request; until it is answered it stands as blocked."""
        self.block(sent["request"]["url"])

    def answer(self, paused: dict[str, Any]) -> None:
        """Begin to answer a request that Chromium holds."""
        task = asyncio.create_task(self._answer(paused))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    def block(self, url: str) -> None:
        """Keep an entry for an address that is not fetched."""
        if url.startswith(_HELD):
            return  # not taken apart: the parser keeps what it has seen, and an image has megabytes
        url = _without_fragment(url)
        if public_url(url) and url not in self._assets and len(self._assets) < ENTRIES_MAX:
            self._assets[url] = Asset(url=public_url(url), ok=False, reason="asset_blocked")

    def lack(self, url: str) -> None:
        """Note that the document does not show an asset, although it may have been fetched."""
        self.block(url)
        url = _without_fragment(url)
        asset = self._assets.get(url)
        if asset is not None and asset.ok:
            self._assets[url] = replace(asset, ok=False, reason="asset_invalid")

    def usage(self) -> AssetUsage:
        """Return what became of each address asked for, in the order of the requests."""
        if self._supply is None:
            return AssetUsage(
                assets=list(self._assets.values()),
                contents=[None] * len(self._assets),
                fresh_until=-math.inf if self._assets else math.inf,
            )
        missing = any(not asset.ok for asset in self._assets.values())
        return AssetUsage(
            assets=list(self._assets.values()),
            contents=[self._supply.contents.get(url) for url in self._assets],
            fresh_until=-math.inf if missing else self._supply.fresh_until,
        )

    async def _answer(self, paused: dict[str, Any]) -> None:
        url = _without_fragment(paused["request"]["url"])
        kind = paused["resourceType"].lower()
        self.block(url)  # what Chromium tells of the request itself may come later
        if self._supply is None or kind not in KINDS:
            self._fail(paused, "BlockedByClient")
            return
        try:
            fetched = await self._supply.get(url, cast("Kind", kind))
        except AssetError as error:
            self._keep(url, ok=False, status=error.status, reason=error.code)
            self._fail(paused, "Failed")
            return
        self._keep(url, ok=True, status=fetched.status, size=len(fetched.body))
        # The document has no origin of its own, so that fonts need leave to be used by any.
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

    def _keep(
        self,
        url: str,
        *,
        ok: bool,
        status: int | None,
        reason: str | None = None,
        size: int | None = None,
    ) -> None:
        if url in self._assets and self._supply is not None:
            milliseconds = self._supply.milliseconds.get(url)
            self._assets[url] = Asset(
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
