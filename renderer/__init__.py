"""Pictures from HTML templates, as a library: no broker, no database, no storage, no settings.

    import asyncio
    from renderer import Engine, RenderRequest, Template

    async def main():
        html = Template("<h1>Hello {{ name }}</h1>").render({"name": "Ada"})
        async with Engine(concurrency=1) as engine:
            rendering = await engine.render(RenderRequest(html=html))
        open("hello.png", "wb").write(rendering.images[0].data)

    asyncio.run(main())

`output=` of a request sets size, format and variants (see `schemas.output`). With `fetcher=HttpFetcher(...)` the engine
loads images, style sheets, fonts and scripts from the network; without one it reports them as blocked. Everything that
is not listed here is internal.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from renderer.assets.allowed_hosts import AllowedHosts
    from renderer.assets.fetcher import HttpFetcher
    from renderer.assets.port import AssetError, AssetFetcher, Fetched
    from renderer.engine import Engine
    from renderer.errors import BrowserNotFoundError, RenderError
    from renderer.language.template import Template, TemplateProblemError
    from renderer.rendering import AssetUsage, Image, Rendering, RenderRequest, Timings
    from renderer.snapshot import BrowserSnapshot, EngineSnapshot, WorkerSnapshot

__all__ = [
    "AllowedHosts",
    "AssetError",
    "AssetFetcher",
    "AssetUsage",
    "BrowserNotFoundError",
    "BrowserSnapshot",
    "Engine",
    "EngineSnapshot",
    "Fetched",
    "HttpFetcher",
    "Image",
    "RenderError",
    "RenderRequest",
    "Rendering",
    "Template",
    "TemplateProblemError",
    "Timings",
    "WorkerSnapshot",
]

_MODULES: Final = {
    "AllowedHosts": "assets.allowed_hosts",
    "AssetError": "assets.port",
    "AssetFetcher": "assets.port",
    "AssetUsage": "rendering",
    "BrowserNotFoundError": "errors",
    "BrowserSnapshot": "snapshot",
    "Engine": "engine",
    "EngineSnapshot": "snapshot",
    "Fetched": "assets.port",
    "HttpFetcher": "assets.fetcher",
    "Image": "rendering",
    "RenderError": "errors",
    "RenderRequest": "rendering",
    "Rendering": "rendering",
    "Template": "language.template",
    "TemplateProblemError": "language.template",
    "Timings": "rendering",
    "WorkerSnapshot": "snapshot",
}


def __getattr__(name: str) -> Any:
    """Import an entry point on first use, so that a command that draws nothing starts without aiohttp and Pillow."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
