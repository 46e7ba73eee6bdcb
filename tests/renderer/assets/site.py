"""A web site on the loopback for the tests to fetch from, and a listener that nobody may reach."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import PIL.Image
from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Site:
    """What the site answers at each path, and what it was asked."""

    port: int = 0
    answers: dict[str, web.Response | Answer] = field(default_factory=dict)
    requests: list[web.Request] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """The site's address, without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [request.path_qs for request in self.requests]

    async def asked(self, count: int) -> None:
        """Return once this many requests have come."""
        while len(self.requests) < count:
            self.arrived.clear()
            await self.arrived.wait()

    def put(
        self, path: str, body: bytes | str, content_type: str = "image/png", status: int = 200, **headers: str
    ) -> str:
        """Answer with this body at `path` and return its address; underscores in header names stand for hyphens."""
        raw = body.encode() if isinstance(body, str) else body
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=raw, status=status, headers={"Content-Type": content_type, **named})

        return self.serve(path, answer)

    def redirect(self, path: str, location: str, status: int = 302, **headers: str) -> str:
        """Redirect from `path` and return its address."""
        return self.put(path, b"", status=status, Location=location, **headers)

    def serve(self, path: str, answer: Answer) -> str:
        """Answer at `path` with what the function returns, and return its address."""
        self.answers[path] = answer
        return self.url + path


@asynccontextmanager
async def open_site() -> AsyncIterator[Site]:
    """Run a site on a free port of 127.0.0.1."""
    site = Site()

    async def handle(request: web.Request) -> web.StreamResponse:
        site.requests.append(request)
        site.arrived.set()
        answer = site.answers.get(request.path)
        return await answer(request) if callable(answer) else web.Response(status=404)

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", 0)
    await listener.start()
    site.port = runner.addresses[0][1]
    try:
        yield site
    finally:
        await runner.cleanup()


@dataclass
class Listener:
    """A port that counts who connects."""

    port: int = 0
    connections: int = 0


@asynccontextmanager
async def open_canary(*hosts: str) -> AsyncIterator[Listener]:
    """Listen on one free port of each of these addresses."""
    canary = Listener()

    def heard(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        canary.connections += 1
        writer.close()

    async with contextlib.AsyncExitStack() as exit_stack:
        for host in hosts:
            server = await exit_stack.enter_async_context(await asyncio.start_server(heard, host, canary.port))
            canary.port = server.sockets[0].getsockname()[1]
        yield canary


@asynccontextmanager
async def open_raw(
    answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """Run a server that speaks for itself, and yield its address."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await answer(reader, writer)
        finally:
            writer.transport.abort()

    def heard(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(heard, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        ended = list(tasks)
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=True)


def png(colour: str = "green", size: tuple[int, int] = (8, 8), kind: str = "PNG") -> bytes:
    """Return an image in one colour."""
    content = io.BytesIO()
    with PIL.Image.new("RGB", size, colour) as image:
        image.save(content, kind)
    return content.getvalue()
