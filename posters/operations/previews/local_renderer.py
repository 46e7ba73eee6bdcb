"""The renderer as a library: templates checked, filled and drawn in this process, as the roles do it.

It needs Chromium and fonts, but no broker, database or storage.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from agents.sandbox import fill_document
from agents.settings import Settings
from posters.operations.errors import OperationError
from renderer.assets.fetcher import HttpFetcher
from renderer.engine import Engine
from renderer.errors import BrowserNotFoundError, RenderError
from renderer.language.check import Checked
from renderer.rendering import Rendering, RenderRequest
from renderer.sandbox.process import ProcessStartError
from renderer.sandbox.sandbox import TemplateSandbox
from schemas.output import Output
from schemas.templates import PlaceholderDeclaration
from streams.errors import SettingsError, UnavailableError

VARIABLES: Final = ("POSTERS_CHROMIUM", "POSTERS_DRIVER", "POSTERS_ASSET_ALLOW", "POSTERS_RENDER_TIMEOUT")
"""The settings that decide what a poster looks like; it works without any of them."""


class LocalRenderer:
    """Checks, fills and draws templates, one at a time. The same input gives the bytes that a worker stores.

    A caller that is cancelled ends what it asked for, so that a template without an end holds up neither the next one
    nor the end of the command.
    """

    def __init__(self, engine: Engine, sandbox: TemplateSandbox, deadline_seconds: float) -> None:
        self._engine = engine
        self._sandbox = sandbox
        self._deadline_seconds = deadline_seconds
        # The browser comes up while templates are checked: a mistake in one is answered without it.
        self._starting = asyncio.ensure_future(engine.start())

    async def fingerprint(self) -> str:
        """Return what besides the document decides the pixels: our steps, the browser's build, the font set.

        Raises OperationError where the browser does not start.
        """
        await self._started()
        return self._engine.fingerprint

    async def check(self, html: str, declarations: Sequence[PlaceholderDeclaration] = ()) -> Checked:
        """Return what a template takes. Raises TemplateRejectedError, UnavailableError."""
        try:
            return await self._sandbox.check(html, declarations)
        except asyncio.CancelledError:
            await self._sandbox.abandon()
            raise
        except ProcessStartError as error:
            raise UnavailableError(str(error)) from error

    async def fill(self, html: str, data: Mapping[str, Any], output: Output) -> str:
        """Return the document of a template. Raises TemplateProblemError, UnavailableError."""
        key = hashlib.sha256(html.encode()).hexdigest()
        try:
            return await fill_document(self._sandbox, key, html, data, output)
        except asyncio.CancelledError:
            await self._sandbox.abandon()
            raise
        except ProcessStartError as error:
            raise UnavailableError(str(error)) from error

    async def draw(self, document: str, output: Output, *, javascript: bool) -> Rendering:
        """Return the pictures of a document; `output` is resolved. Raises RenderError, OperationError."""
        await self._started()
        request = RenderRequest(
            html=document, output=output, javascript=javascript, deadline_seconds=self._deadline_seconds
        )
        return await self._engine.render(request)

    async def close(self) -> None:
        """End the browser and the sandbox process."""
        self._starting.cancel()
        await asyncio.gather(self._starting, return_exceptions=True)
        await self._engine.close()
        await self._sandbox.close()

    async def _started(self) -> None:
        try:
            await asyncio.shield(self._starting)
        except RenderError as error:
            raise OperationError(f"the browser does not start: {error}; see `posters doctor`") from error


@asynccontextmanager
async def local_renderer(settings: Settings) -> AsyncIterator[LocalRenderer]:
    """Start a browser and a sandbox process, and end them with the block. Raises SettingsError without a browser."""
    async with HttpFetcher(settings.allowed_hosts) as fetcher:
        try:
            engine = Engine(chromium_binary=settings.chromium, driver=settings.driver, concurrency=1, fetcher=fetcher)
        except BrowserNotFoundError as error:
            raise SettingsError(str(error)) from error
        renderer = LocalRenderer(engine, TemplateSandbox(processes=1), settings.render_timeout)
        try:
            yield renderer
        finally:
            await renderer.close()
