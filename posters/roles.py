"""Putting each role together: the only place that knows every room."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final

from agents.cancellations import Cancellations
from agents.dead_letter_limits import DeadLetterLimitTable
from agents.intake.agent import IntakeAgent
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler
from agents.metrics import BROWSER_RESTARTS
from agents.oversized import ReducingPublisher
from agents.postgres import Database
from agents.render.agent import RenderAgent
from agents.render.crash_journal import CrashJournal, default_directory
from agents.render.image_store import ImageStore
from agents.render.lanes import Lanes
from agents.render.poster_renderer import PosterRenderer
from agents.render.template_sources import TemplateSources
from agents.retry.agent import RetryAgent
from agents.settings import Settings
from agents.sink.agent import SinkAgent
from agents.sink.database import Database as SinkDatabase
from agents.sink.erasures import Erasures
from agents.sink.flush import FLUSH_FUNCTION
from agents.sink.janitor import Janitor
from agents.sink.sink import Sink
from agents.storage.breaker import BreakingStore
from agents.storage.claims import StoredClaims
from agents.storage.open_store import object_store
from agents.templates.agent import TemplatesAgent
from renderer.assets.fetcher import HttpFetcher
from renderer.engine import Engine
from renderer.errors import BrowserNotFoundError
from schemas import topics
from streams.build import build_id
from streams.compacted_topic import CompactedTopicReader
from streams.dead_letter_limit import DeadLetterLimit
from streams.dead_letters import DeadLetterTopic
from streams.errors import SettingsError
from streams.faust_bridge.application import RoleApp
from streams.inbox import Inbox, Queue, pause_switch
from streams.liveness import Liveness
from streams.logs import log_context
from streams.record_weight import weigh_by_size
from streams.topics import EDGES, Role

_LEAST_LONGEST_WAIT_SECONDS: Final = 60.0
"""A poster's due time is believed up to twice the longest delay, and this far at least: clocks differ a little."""


@dataclass(frozen=True, kw_only=True)
class RunningRole:
    """A role that is ready: its Faust app, not yet started, and the loop to run beside it."""

    role: Role
    app: RoleApp
    work: Callable[[], Awaitable[None]]
    fuse: DeadLetterLimit

    @cached_property
    def progress(self) -> Liveness:
        """What the role shows of its work."""
        return Liveness(self.role, self.app.inboxes)

    def task(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run `work` as a task whose log records carry the role."""
        with log_context(role=self.role):
            return asyncio.ensure_future(work)


def now() -> datetime:
    """Return the time, in UTC."""
    return datetime.now(UTC)


async def open_role(role: Role, settings: Settings, exit_stack: AsyncExitStack) -> RunningRole:
    """Open what the role needs, except its consumer; `exit_stack` closes it again, in reverse order."""
    with log_context(role=role):
        opened: RunningRole = await _OPENERS[role](settings, exit_stack)
    return opened


def _app(role: Role, settings: Settings, **inbox_options: Any) -> tuple[RoleApp, Inbox]:
    edges = EDGES[role]
    inbox = Inbox(edges.consumes, edges.cap, **inbox_options)
    return RoleApp(role, settings, [inbox]), inbox


async def _read_compacted(
    exit_stack: AsyncExitStack, settings: Settings, readers: Sequence[tuple[str, Callable[..., None]]]
) -> None:
    whole = [CompactedTopicReader(topic, settings, on_record) for topic, on_record in readers]
    for topic in whole:
        exit_stack.push_async_callback(topic.stop)
    await asyncio.gather(*(topic.start() for topic in whole))


async def _database(exit_stack: AsyncExitStack, settings: Settings, role: Role) -> Database:
    database = Database(settings.database_url, application_name=f"posters-{role}")
    await database.open()
    exit_stack.push_async_callback(database.close)
    return database


async def _dead_letters(exit_stack: AsyncExitStack, settings: Settings, app: RoleApp, inbox: Inbox) -> DeadLetterLimit:
    role = app.role
    claims = StoredClaims(lambda: object_store(settings.storage_url))
    exit_stack.push_async_callback(claims.close)
    states = DeadLetterLimitTable(await _database(exit_stack, settings, role), build_id())
    return DeadLetterLimit(role, inbox, DeadLetterTopic(role, app.publisher, claims, now), states)


async def _open_intake(settings: Settings, exit_stack: AsyncExitStack) -> RunningRole:
    catalog, cancellations = Catalog(), Cancellations()
    await _read_compacted(
        exit_stack,
        settings,
        [(topics.TEMPLATE_CATALOG, catalog.on_record), (topics.JOB_CANCELLATIONS, cancellations.on_record)],
    )
    app, inbox = _app("intake", settings, weigh=weigh_by_size)
    fuse = await _dead_letters(exit_stack, settings, app, inbox)
    handler = RequestHandler(catalog, cancellations, now)
    agent = IntakeAgent(inbox, ReducingPublisher(app.publisher), fuse, handler, catalog)
    return RunningRole(role="intake", app=app, work=agent.run, fuse=fuse)


async def _open_retry(settings: Settings, exit_stack: AsyncExitStack) -> RunningRole:
    cancellations = Cancellations()
    await _read_compacted(exit_stack, settings, [(topics.JOB_CANCELLATIONS, cancellations.on_record)])
    app, inbox = _app("retry", settings)
    fuse = await _dead_letters(exit_stack, settings, app, inbox)
    agent = RetryAgent(
        inbox,
        ReducingPublisher(app.publisher),
        fuse,
        cancellations,
        longest_wait=max(_LEAST_LONGEST_WAIT_SECONDS, 2 * max(settings.retry_delay_seconds)),
        now=now,
    )
    return RunningRole(role="retry", app=app, work=agent.run, fuse=fuse)


async def _open_templates(settings: Settings, exit_stack: AsyncExitStack) -> RunningRole:
    database = await _database(exit_stack, settings, "templates")
    app, inbox = _app("templates", settings)
    fuse = await _dead_letters(exit_stack, settings, app, inbox)
    agent = TemplatesAgent(inbox, ReducingPublisher(app.publisher), fuse, database, now)
    return RunningRole(role="templates", app=app, work=agent.run, fuse=fuse)


async def _open_render(settings: Settings, exit_stack: AsyncExitStack) -> RunningRole:
    cancellations = Cancellations()
    fetcher = await exit_stack.enter_async_context(HttpFetcher(settings.allowed_hosts))
    try:
        engine = Engine(
            chromium_binary=settings.chromium,
            slots=settings.render_slots,
            fetcher=fetcher,
            on_restart=lambda reason: BROWSER_RESTARTS.labels(reason).inc(),
        )
    except BrowserNotFoundError as error:
        raise SettingsError(str(error)) from error
    queue: Queue = Lanes(lambda: engine.places.has_room_for_bulk)
    app, inbox = _app("render", settings, queue=queue)
    engine.places.on_free = inbox.recheck_queue
    store = BreakingStore(object_store(settings.storage_url), pause_switch(inbox))
    crash_journal = CrashJournal(default_directory())
    crash_journal.open()
    exit_stack.push_async_callback(engine.close)
    await asyncio.gather(
        engine.start(),
        store.open(),
        _read_compacted(exit_stack, settings, [(topics.JOB_CANCELLATIONS, cancellations.on_record)]),
    )
    exit_stack.push_async_callback(store.close)
    database = await _database(exit_stack, settings, "render")
    renderer = PosterRenderer(
        engine,
        TemplateSources(database),
        ImageStore(store=store, public_url=settings.public_url),
        timeout=settings.render_timeout,
        clock=time.monotonic,
    )
    fuse = await _dead_letters(exit_stack, settings, app, inbox)
    agent = RenderAgent(
        inbox,
        ReducingPublisher(app.publisher),
        fuse,
        cancellations,
        renderer,
        crash_journal,
        concurrency_limit=engine.places,
        retry_delays=settings.retry_delay_seconds,
        now=now,
    )
    return RunningRole(role="render", app=app, work=agent.run, fuse=fuse)


async def _open_sink(settings: Settings, exit_stack: AsyncExitStack) -> RunningRole:
    database = SinkDatabase(settings.database_url, on_connect=FLUSH_FUNCTION)
    janitors_own = SinkDatabase(settings.database_url)
    exit_stack.push_async_callback(database.close)
    exit_stack.push_async_callback(janitors_own.close)
    app, inbox = _app("sink", settings, weigh=weigh_by_size)
    publisher = ReducingPublisher(app.publisher)
    janitor = Janitor(
        janitors_own,
        publisher,
        batch_timeout=settings.batch_timeout,
        stale_after=settings.stale_after,
        log_retention=settings.log_retention,
    )
    fuse = await _dead_letters(exit_stack, settings, app, inbox)
    store = object_store(settings.storage_url)
    await store.open()
    exit_stack.push_async_callback(store.close)
    erasers_own = SinkDatabase(settings.database_url)
    exit_stack.push_async_callback(erasers_own.close)
    sink = Sink(database, publisher, fuse)
    agent = SinkAgent(inbox, sink, Erasures(erasers_own, store, publisher), janitor)
    return RunningRole(role="sink", app=app, work=agent.run, fuse=fuse)


_OPENERS: Final[dict[Role, Callable[[Settings, AsyncExitStack], Awaitable[RunningRole]]]] = {
    "intake": _open_intake,
    "render": _open_render,
    "retry": _open_retry,
    "templates": _open_templates,
    "sink": _open_sink,
}
