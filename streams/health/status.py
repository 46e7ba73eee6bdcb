"""HTTP server for probes: readiness and metrics of a worker. No other interface is served here."""

from collections.abc import Callable
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from streams.errors import SettingsError

_PORT_MAX: Final = 65_535


class StatusServer:
    """Serves `/ready` (200, or 503 with the reasons) and `/metrics` on `address`, a `host:port`.

    Raises SettingsError where `address` has no valid port.
    """

    def __init__(self, address: str, reasons: Callable[[], list[str]], registry: CollectorRegistry) -> None:
        host, _, port = address.rpartition(":")
        if not (port.isdecimal() and int(port) <= _PORT_MAX):
            raise SettingsError(f"POSTERS_STATUS_ADDRESS is `{address}`; it takes host:port, as in 127.0.0.1:9100")
        self._host = host or "127.0.0.1"
        self._port = int(port)
        self._reasons = reasons
        self._registry = registry
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Start listening. Raises SettingsError where the address cannot be bound, as when the port is taken."""
        application = web.Application()
        application.add_routes([web.get("/ready", self._ready), web.get("/metrics", self._metrics)])
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            raise SettingsError(f"POSTERS_STATUS_ADDRESS: {error.strerror or error}") from error

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _ready(self, _: web.Request) -> web.Response:
        reasons = self._reasons()
        return web.Response(status=503 if reasons else 200, text="\n".join(reasons) or "ready")

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
