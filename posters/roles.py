"""The composition root: opens each role with everything it needs. The only module that knows every package."""

import asyncio
import os
import platform
import time
from collections.abc import Awaitable, Callable, Container, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import Any, Final
from uuid import uuid4

from agents.cancellations import Cancellations
from agents.crash_journal import CrashJournalTable
from agents.dead_letter_limits import DeadLetterLimitTable
from agents.fair_queue import FairQueue
from agents.intake.admission import REFUSALS, Admission
from agents.intake.agent import IntakeAgent
from agents.intake.catalog import Catalog
from agents.intake.request_handler import RequestHandler
from agents.intake.source_topics import SourceTopics, origins
from agents.known_sources import KnownSources
from agents.metrics import BROWSER_RESTARTS, SOURCE_COST
from agents.oversized import ReducingPublisher
from agents.ownership import JobOwnersTable
from agents.poison import Answer, PoisonMessages, fail_pinned, poster_identity
from agents.postgres import Database
from agents.quotas import QuotaTable, quota_limits
from agents.render.agent import RenderAgent
from agents.render.erased_posters import ErasedPostersTable
from agents.render.image_store import ImageStore
from agents.render.lanes import Lanes
from agents.render.poster_renderer import PosterRenderer
from agents.render.slow_templates import SlowTemplates
from agents.render.template_sources import TemplateSources
from agents.retry.agent import RetryAgent
from agents.sandbox import RetryingSandbox
from agents.settings import Settings
from agents.sink.agent import SinkAgent
from agents.sink.database import sink_database
from agents.sink.erasures import Erasures
from agents.sink.janitor import Janitor
from agents.sink.replays import Replays
from agents.sink.sink import Sink
from agents.source_labels import SourceLabels
from agents.storage.breaker import BreakingStore
from agents.storage.claims import StoredClaims
from agents.storage.open_store import object_store
from agents.templates.agent import TemplatesAgent
from posters.isolation import handle_in_child
from renderer.assets.fetcher import HttpFetcher
from renderer.engine import Engine
from renderer.errors import BrowserNotFoundError
from renderer.rendering import RenderRequest
from renderer.sandbox.sandbox import TemplateSandbox
from schemas import topics
from schemas.codec import REQUEST_CLASSES, TEMPLATE_COMMAND_CLASSES, is_decodable
from schemas.envelope import Envelope
from streams.build import build_id
from streams.compacted_topic import CompactedTopicReader
from streams.crash_guard import GuardedInbox
from streams.dead_letters.dead_letter_limit import DeadLetterLimit
from streams.dead_letters.dead_letters import DeadLetterTopic
from streams.delivery import Delivery, Record
from streams.errors import SettingsError
from streams.faust_bridge.application import RoleApp
from streams.health.liveness import Liveness
from streams.inbox import pause_switch, weigh_by_size
from streams.logs import log_context
from streams.topics import EDGES, Role

_LEAST_LONGEST_WAIT_SECONDS: Final = 60.0
"""A poster's due time is believed up to twice the longest delay, and this far at least: clocks differ a little."""
DATABASE_CONNECT_SECONDS: Final = 5.0
"""For all roles but the sink, whose whole work is in the database: it waits longer."""


@dataclass(frozen=True, kw_only=True)
class RunningRole:
    """A role that is ready to run: its Faust app, not yet started, and the coroutine that processes its records."""

    role: Role
    app: RoleApp
    inbox: GuardedInbox
    work: Callable[[], Awaitable[None]]
    dead_letter_limit: DeadLetterLimit
    poison: PoisonMessages
    readers: Sequence[CompactedTopicReader] = ()

    @cached_property
    def liveness(self) -> Liveness:
        """What the status server, the metrics and the watchdog see of the role."""
        return Liveness(self.role, self.app.inboxes)

    def task(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        """Run `work` as a task whose log records carry the role."""
        with log_context(role=self.role):
            return asyncio.ensure_future(work)


def now() -> datetime:
    """Return the current time in UTC."""
    return datetime.now(UTC)


async def open_role(role: Role, settings: Settings, exit_stack: AsyncExitStack, *, guarded: bool = True) -> RunningRole:
    """Open everything the role needs, except its consumer; `exit_stack` closes it in reverse order.

    `guarded`: records are noted in the crash journal, and poison messages recognised. Raises SettingsError,
    UnavailableError.
    """
    with log_context(role=role):
        opened: RunningRole = await _OPENERS[role](settings, exit_stack)
        if guarded:
            await _guard(opened, settings, exit_stack)
    return opened


async def _guard(opened: RunningRole, settings: Settings, exit_stack: AsyncExitStack) -> None:
    """Have the role's inbox recognise poison messages."""
    worker = f"{platform.node()}.{os.getpid()}.{uuid4().hex[:8]}"
    journal = CrashJournalTable(_database(exit_stack, settings, opened.role), opened.role, worker)
    await journal.open()
    opened.inbox.guard(journal, partial(handle_in_child, opened.role), opened.poison.reject)
    exit_stack.push_async_callback(opened.inbox.close)


def _app(
    role: Role, settings: Settings, more_topics: Sequence[str] = (), **inbox_options: Any
) -> tuple[RoleApp, GuardedInbox]:
    edges = EDGES[role]
    inbox = GuardedInbox((*edges.consumes, *more_topics), edges.cap, **inbox_options)
    return RoleApp(role, settings, [inbox]), inbox


async def _read_compacted(
    exit_stack: AsyncExitStack, settings: Settings, readers: Sequence[tuple[str, Callable[..., None]]]
) -> Sequence[CompactedTopicReader]:
    """Read compacted topics to their end, and go on reading them: the role starts with their whole state."""
    started = [CompactedTopicReader(topic, settings, on_record) for topic, on_record in readers]
    for reader in started:
        exit_stack.push_async_callback(reader.stop)
    await asyncio.gather(*(reader.start() for reader in started))
    return started


def _database(exit_stack: AsyncExitStack, settings: Settings, role: Role) -> Database:
    database = Database(
        settings.database_url, application_name=f"posters-{role}", connect_seconds=DATABASE_CONNECT_SECONDS
    )
    exit_stack.push_async_callback(database.close)
    return database


async def _dead_letters(
    exit_stack: AsyncExitStack, settings: Settings, app: RoleApp, inbox: GuardedInbox, **options: Any
) -> DeadLetterLimit:
    role = app.role
    claims = StoredClaims(lambda: object_store(settings.storage_url))
    exit_stack.push_async_callback(claims.close)
    states = DeadLetterLimitTable(_database(exit_stack, settings, role), build_id())
    return DeadLetterLimit(role, inbox, DeadLetterTopic(role, app.publisher, claims, now), states, **options)


def _decodes(*events: type[Envelope]) -> Callable[[Delivery], bool]:
    """Return a function that returns whether a record is one of these events."""
    return lambda delivery: is_decodable(delivery.value, *events)


async def _open_intake(settings: Settings, exit_stack: AsyncExitStack) -> RunningRole:
    catalog, cancellations = Catalog(), Cancellations()
    readers = await _read_compacted(
        exit_stack,
        settings,
        [(topics.TEMPLATE_CATALOG, catalog.on_record), (topics.JOB_CANCELLATIONS, cancellations.on_record)],
    )
    own_topics = {topic: origin.source for topic, origin in origins(settings.own_topic_sources).items()}
    known = KnownSources(catalog.owners, settings.weights)
    queue = FairQueue(settings.weights, own_topics=own_topics, known=known)
    app, inbox = _app("intake", settings, tuple(own_topics), weigh=weigh_by_size, queue=queue)
    limit = await _dead_letters(
        exit_stack, settings, app, inbox, is_decodable=_decodes(*REQUEST_CLASSES), refusals=REFUSALS
    )
    handler = RequestHandler(catalog, cancellations, now)
    publisher = ReducingPublisher(app.publisher)
    admission = _admission(settings, exit_stack)
    # Not reduced: a record that the shared topic does not take is a dead letter, and others have to go on.
    forwarding = SourceTopics(settings.own_topic_sources, app.publisher, limit)
    agent = IntakeAgent(
        inbox,
        publisher,
        limit,
        handler,
        catalog,
        admission,
        forwarding,
        weights=settings.weights,
        queue=queue,
        known=known,
    )
    poison = PoisonMessages(publisher, limit, _fail_request(handler, admission, own_topics))
    return RunningRole(
        role="intake",
        app=app,
        inbox=inbox,
        work=agent.run,
        dead_letter_limit=limit,
        poison=poison,
        readers=readers,
    )


def _admission(settings: Settings, exit_stack: AsyncExitStack) -> Admission:
    owners, limits = JobOwnersTable(_database(exit_stack, settings, "intake")), quota_limits(settings)
    # A connection of its own: counting waits for a row that another process counts for the same source, and the claims
    # of other rounds do not.
    quotas = QuotaTable(_database(exit_stack, settings, "intake"), limits, now=now) if limits.are_set else None
    return Admission(owners, replay_header=settings.replay_header == "accept", quotas=quotas)


def _fail_request(handler: RequestHandler, admission: Admission, own_topics: Container[str]) -> Answer:
    """Return the answer to a poisoned request: its failure, where its sender may have one."""

    async def answer(delivery: Delivery, reason: str) -> list[Record]:
        # Whose a record of a source's own topic is has not been checked, so nobody is answered.
        if delivery.topic in own_topics or not await admission.may_answer(delivery):
            return []
        return handler.reject(delivery, reason, "internal")

    return answer


async def _open_retry(settings: Settings, exit_stack: AsyncExitStack) -> RunningRole:
    cancellations = Cancellations()
    readers = await _read_compacted(exit_stack, settings, [(topics.JOB_CANCELLATIONS, cancellations.on_record)])
    app, inbox = _app("retry", settings, ordered=False, note_deferred=False, identify=poster_identity)
    limit = await _dead_letters(exit_stack, settings, app, inbox)
    publisher = ReducingPublisher(app.publisher)
    agent = RetryAgent(
        inbox,
        publisher,
        limit,
        cancellations,
        longest_wait=max(_LEAST_LONGEST_WAIT_SECONDS, 2 * max(settings.retry_delay_seconds)),
        now=now,
    )
    poison = PoisonMessages(publisher, limit, fail_pinned(now))
    return RunningRole(
        role="retry",
        app=app,
        inbox=inbox,
        work=agent.run,
        dead_letter_limit=limit,
        poison=poison,
        readers=readers,
    )


def _sandbox(exit_stack: AsyncExitStack) -> RetryingSandbox:
    """Return a template sandbox, not yet started: its processes end with the role."""
    sandbox = RetryingSandbox(TemplateSandbox())
    exit_stack.push_async_callback(sandbox.close)
    return sandbox


async def _open_templates(settings: Settings, exit_stack: AsyncExitStack) -> RunningRole:
    database = _database(exit_stack, settings, "templates")
    sandbox = _sandbox(exit_stack)
    await sandbox.start()
    app, inbox = _app("templates", settings)
    limit = await _dead_letters(exit_stack, settings, app, inbox, is_decodable=_decodes(*TEMPLATE_COMMAND_CLASSES))
    publisher = ReducingPublisher(app.publisher)
    agent = TemplatesAgent(
        inbox, publisher, limit, database, sandbox, now, shared_sections=settings.shared_section_names
    )
    poison = PoisonMessages(publisher, limit)
    return RunningRole(role="templates", app=app, inbox=inbox, work=agent.run, dead_letter_limit=limit, poison=poison)


async def _engine(settings: Settings, exit_stack: AsyncExitStack) -> Engine:
    """Return the rendering engine, not yet started. Raises SettingsError where there is no browser."""
    fetcher = await exit_stack.enter_async_context(HttpFetcher(settings.allowed_hosts))
    try:
        return Engine(
            chromium_binary=settings.chromium,
            driver=settings.driver,
            concurrency=settings.render_slots,
            fetcher=fetcher,
            on_restart=lambda reason: BROWSER_RESTARTS.labels(reason).inc(),
            source_weights=settings.weights,
        )
    except BrowserNotFoundError as error:
        raise SettingsError(str(error)) from error


async def _open_render(settings: Settings, exit_stack: AsyncExitStack) -> RunningRole:
    cancellations = Cancellations()
    engine = await _engine(settings, exit_stack)
    slow, labels = SlowTemplates(max(1, engine.concurrency - 1)), SourceLabels(settings.weights)
    lanes = Lanes(engine.concurrency_limit, engine.costs, slow, settings.weights)
    app, inbox = _app("render", settings, weigh=weigh_by_size, queue=lanes, ordered=False, identify=poster_identity)
    engine.concurrency_limit.on_free = inbox.recheck_queue
    engine.on_cost = partial(_charge, lanes, labels)
    store = BreakingStore(object_store(settings.storage_url), pause_switch(inbox))
    exit_stack.push_async_callback(engine.close)
    sandbox = _sandbox(exit_stack)
    *_, readers = await asyncio.gather(
        engine.start(),
        sandbox.start(),
        store.open(),
        _read_compacted(exit_stack, settings, [(topics.JOB_CANCELLATIONS, cancellations.on_record)]),
    )
    exit_stack.push_async_callback(store.close)
    sources = TemplateSources(_database(exit_stack, settings, "render"))
    images = ImageStore(store=store, public_url=settings.public_url)
    timeout, clock = settings.render_timeout, time.monotonic
    renderer = PosterRenderer(engine, sources, sandbox, images, timeout=timeout, clock=clock)
    limit = await _dead_letters(exit_stack, settings, app, inbox)
    publisher = ReducingPublisher(app.publisher)
    agent = RenderAgent(
        inbox,
        publisher,
        limit,
        cancellations,
        renderer,
        retry_delays=settings.retry_delay_seconds,
        now=now,
        slow=slow,
        source_labels=labels,
        erased=ErasedPostersTable(_database(exit_stack, settings, "render")),
    )
    poison = PoisonMessages(publisher, limit, fail_pinned(now))
    return RunningRole(
        role="render",
        app=app,
        inbox=inbox,
        work=agent.run,
        dead_letter_limit=limit,
        poison=poison,
        readers=readers,
    )


def _charge(lanes: Lanes, labels: SourceLabels, request: RenderRequest, seconds: float) -> None:
    """Have the source of a document pay for the seconds that it has held a browser."""
    lanes.charge(request.lane, request.source, seconds)
    SOURCE_COST.labels(labels.label(request.source)).inc(seconds)


async def _open_sink(settings: Settings, exit_stack: AsyncExitStack) -> RunningRole:
    database = sink_database(settings.database_url)
    janitor_database = sink_database(settings.database_url)
    exit_stack.push_async_callback(database.close)
    exit_stack.push_async_callback(janitor_database.close)
    app, inbox = _app("sink", settings, weigh=weigh_by_size)
    publisher = ReducingPublisher(app.publisher)
    janitor = Janitor(
        janitor_database,
        publisher,
        batch_timeout=settings.batch_timeout,
        stale_after=settings.stale_after,
        log_retention=settings.log_retention,
    )
    limit = await _dead_letters(exit_stack, settings, app, inbox)
    store = object_store(settings.storage_url)
    await store.open()
    exit_stack.push_async_callback(store.close)
    eraser_database = sink_database(settings.database_url)
    exit_stack.push_async_callback(eraser_database.close)
    sink = Sink(
        database,
        publisher,
        limit,
        replay_header=settings.replay_header == "accept",
        count_bytes=quota_limits(settings).are_set,
    )
    replays = Replays(eraser_database, publisher)
    agent = SinkAgent(inbox, sink, Erasures(eraser_database, store, publisher), replays, janitor)
    poison = PoisonMessages(publisher, limit)
    return RunningRole(role="sink", app=app, inbox=inbox, work=agent.run, dead_letter_limit=limit, poison=poison)


_OPENERS: Final[dict[Role, Callable[[Settings, AsyncExitStack], Awaitable[RunningRole]]]] = {
    "intake": _open_intake,
    "render": _open_render,
    "retry": _open_retry,
    "templates": _open_templates,
    "sink": _open_sink,
}
