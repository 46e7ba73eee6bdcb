"""A broker with an authorizer: every user works with the printed rights, and each missing one is named."""

import asyncio
import shlex
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from agents.settings import Settings, read_settings
from posters.main import main
from posters.operations.broker.granted import missing_rights
from posters.operations.broker.rights import Right, operator_rights, rights_of
from posters.operations.kafka_client import KafkaClient
from schemas import topics
from schemas.requests import PosterRequested
from streams.compacted_topic import CompactedTopicReader
from streams.delivery import Record
from streams.errors import AuthorizationError
from streams.faust_bridge.application import RoleApp
from streams.health.lag import Lag
from streams.health.liveness import Liveness
from streams.inbox import Inbox
from streams.publisher import KafkaPublisher
from streams.topics import ROLES, TOPICS, source_topics
from tests.flow.system import System, new_job, stamp
from tests.parts import KafkaServer, ObjectServer, PostgresServer
from tests.parts.ports import free_port

USERS = (*(f"posters-{name}" for name in (*ROLES, "operator", "setup")), "shop", "bank", "nobody")
OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "Create": AclOperation.CREATE,
    "Describe": AclOperation.DESCRIBE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "AlterConfigs": AclOperation.ALTER_CONFIGS,
}
SETTLE_SECONDS = 60.0


@pytest.fixture(scope="module")
def guarded(parts_directory: Path) -> Iterator[tuple[KafkaServer, str]]:
    """A broker that lets nobody do what no right allows, with every topic; and where its users log in."""
    port = free_port()
    logins = " ".join(f'user_{user}="{user}-secret"' for user in USERS)
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_plaintext.plain.sasl.jaas.config": (
            f"org.apache.kafka.common.security.plain.PlainLoginModule required {logins};"
        ),
    }
    with KafkaServer(parts_directory / "authorizer", listeners={"SASL_PLAINTEXT": port}, settings=settings) as server:
        server.make_topics(
            NewTopic(topic.name, num_partitions=topic.partitions, config=topic.configuration()) for topic in TOPICS
        )
        server.make_topics(
            NewTopic(topic.name, num_partitions=topic.partitions, config=topic.configuration())
            for topic in source_topics(["bank"])
        )
        yield server, f"127.0.0.1:{port}"


@pytest.fixture
def owner(guarded: tuple[KafkaServer, str]) -> Iterator[AdminClient]:
    """Who gives the rights; afterwards nobody has any."""
    admin = guarded[0].admin()
    yield admin
    anything: Any = None
    every = AclBindingFilter(
        ResourceType.ANY,
        anything,
        ResourcePatternType.ANY,
        anything,
        anything,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )
    for done in admin.delete_acls([every]).values():
        done.result()


def environment(guarded: tuple[KafkaServer, str], user: str) -> dict[str, str]:
    """Return the variables with which a user logs in."""
    return {
        "POSTERS_BROKERS": guarded[1],
        "POSTERS_BROKER_SECURITY": "sasl_plaintext",
        "POSTERS_BROKER_SASL": "PLAIN",
        "POSTERS_BROKER_USERNAME": user,
        "POSTERS_BROKER_PASSWORD": f"{user}-secret",
        "POSTERS_FETCH_WAIT": "0.05",
        "POSTERS_SESSION_TIMEOUT": "6",
        "POSTERS_SOURCE_TOPICS": "bank",
    }


def printed(*arguments: str) -> list[AclBinding]:
    """Return the rights that `posters setup --acls kafka` prints, as the broker takes them."""
    arguments = ("setup", "--acls", "kafka", *arguments)
    done = CliRunner().invoke(main, arguments, env={"POSTERS_SOURCE_TOPICS": "bank"}, catch_exceptions=False)
    assert done.exit_code == 0
    commands = [shlex.split(line) for line in done.stdout.splitlines() if not line.startswith("#")]
    return [binding for command in commands for binding in bindings_of(command)]


def bindings_of(command: list[str]) -> list[AclBinding]:
    """Return the rights that a command of `kafka-acls.sh` gives."""
    assert command[0] == "kafka-acls.sh"
    assert command[3] == "--add"
    pairs = list(zip(command[4::2], command[5::2], strict=True))
    values = {flag: [value for name, value in pairs if name == flag] for flag, _ in pairs}
    [principal] = values.pop("--allow-principal")
    operations = values.pop("--operation")
    [(flag, names)] = values.items()
    kind = {"--topic": ResourceType.TOPIC, "--group": ResourceType.GROUP}[flag]
    return [
        AclBinding(
            kind, name, ResourcePatternType.LITERAL, principal, "*", OPERATIONS[operation], AclPermissionType.ALLOW
        )
        for name in names
        for operation in operations
    ]


def allow(admin: AdminClient, bindings: list[AclBinding]) -> None:
    """Give rights."""
    for done in admin.create_acls(bindings).values():
        done.result()


def deny(admin: AdminClient, user: str, right: Right) -> None:
    """Take a right from a user again."""
    kind = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}[right.kind]
    one = AclBindingFilter(
        kind,
        right.name,
        ResourcePatternType.LITERAL,
        f"User:{user}",
        "*",
        OPERATIONS[right.operation],
        AclPermissionType.ALLOW,
    )
    for done in admin.delete_acls([one]).values():
        assert done.result()


def until(holds: Callable[[], bool]) -> None:
    """Wait: a broker applies a right that it has accepted a moment later."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while not holds():
        assert time.monotonic() < deadline


def settings_of(guarded: tuple[KafkaServer, str], user: str) -> Settings:
    """Return the settings of a user."""
    return read_settings(environment(guarded, user))


@pytest.mark.parametrize("user", [*ROLES, "operator", "setup", "shop", "bank"])
def test_each_missing_right_is_named_and_no_other(
    guarded: tuple[KafkaServer, str], owner: AdminClient, user: str
) -> None:
    """With the printed rights nothing is missing; each that is taken away is, alone."""
    is_site = user in ("shop", "bank")
    name = user if is_site else f"posters-{user}"
    needed = rights_of([], [user], ["bank"]) if is_site else rights_of([user], [], ["bank"])
    settings = settings_of(guarded, name)
    before = missing_rights(settings, needed)
    allow(owner, [each for each in printed("--site", "shop") if each.principal == f"User:{name}"])
    until(lambda: missing_rights(settings, needed) == [])
    for right in (needed[0], needed[-1]):
        deny(owner, name, right)
        until(lambda right=right: missing_rights(settings, needed) == [right])  # type: ignore[misc]
        allow(owner, [each for each in printed("--site", "shop") if each.principal == f"User:{name}"])
        until(lambda: missing_rights(settings, needed) == [])

    assert before == needed


def test_the_operator_may_write_the_catalog() -> None:
    """`posters templates own` states there whose a section is; no role consumes it as a group."""
    assert Right("Write", "topic", topics.TEMPLATE_CATALOG) in operator_rights()


def site_request(site: str, template: str) -> PosterRequested:
    """Return a request of a site."""
    fields = {**stamp(), "source": site}
    return PosterRequested(**fields, job_id=new_job(), template_id=template, custom_data={"quote": "x"})


@pytest.fixture
def run_as(
    guarded: tuple[KafkaServer, str],
    postgres: PostgresServer,
    database: str,
    object_server: ObjectServer,
    tmp_path: Path,
) -> Iterator[Callable[[str], System]]:
    """Give a system whose processes log in as one user; workers that were started are killed at the end."""
    bucket, started = object_server.bucket(), []

    def system_of(user: str) -> System:
        own = {
            **bucket.environment,
            **environment(guarded, user),
            "POSTERS_DATABASE_URL": database,
            "POSTERS_STORAGE_URL": bucket.storage_url,
            "POSTERS_STATUS_ADDRESS": f"127.0.0.1:{free_port()}",
        }
        system = System(guarded[0].address, database, own, tmp_path / f"{user}.log")
        started.append(system)
        return system

    yield system_of
    for system in started:
        if system.worker is not None and system.worker.poll() is None:
            system.kill_worker()


def test_a_poster_is_made_by_roles_that_have_no_other_rights(
    owner: AdminClient, guarded: tuple[KafkaServer, str], run_as: Callable[[str], System]
) -> None:
    """Each role runs as its own user, an operator uploads and requests, and a site on a topic of its own is served."""
    allow(owner, printed())
    until(lambda: not missing_rights(settings_of(guarded, "bank"), rights_of([], ["bank"], ["bank"])))
    workers = {role: run_as(f"posters-{role}") for role in ROLES}
    for role, system in workers.items():
        system.start_worker([role])
    operator = run_as("posters-operator")
    html = operator.log.with_suffix(".html")
    html.write_text("<p>{{ quote }}</p>")
    section = f"s{uuid4().hex[:8]}"
    uploaded = operator.command("templates", "upload", section, str(html), "--timeout", "120")
    requested = operator.command(
        "request", f"{section}_latest", "--data", '{"quote": "x"}', "--entity", "1", "--wait", "--timeout", "120"
    )
    of_bank = site_request("bank", f"{section}_latest")
    bank = KafkaClient(settings_of(guarded, "bank"))
    bank.send(topics.own_topic(topics.POSTER_REQUESTS, "bank"), of_bank.job_id, [of_bank])
    with pytest.raises(AuthorizationError, match="`Write` on topic poster-requests;"):
        bank.send(topics.POSTER_REQUESTS, of_bank.job_id, [of_bank])
    logs = {role: system.log.read_text() for role, system in workers.items()}

    assert uploaded.returncode == 0, uploaded.stderr + logs["templates"]
    assert requested.returncode == 0, requested.stderr + "".join(logs.values())
    assert operator.outcome(of_bank.job_id).status == "completed"
    for role, system in workers.items():
        assert "uthorization" not in logs[role]
        assert system.stop_worker() == 0
    assert operator.command("rebuild").returncode == 0
    assert operator.command("dead-letters", "list").returncode == 0
    assert operator.command("templates", "list").returncode == 0
    assert run_as("posters-setup").command("setup").returncode == 0


def test_a_worker_without_a_right_ends_and_names_it(
    owner: AdminClient, guarded: tuple[KafkaServer, str], run_as: Callable[[str], System]
) -> None:
    """Neither a worker nor doctor waits for a right; both name it."""
    allow(owner, printed())
    gone = Right("Write", "topic", topics.POSTER_RETRIES[2])
    rights = rights_of(["render"], [])
    settings = settings_of(guarded, "posters-render")
    until(lambda: not missing_rights(settings, rights))
    deny(owner, "posters-render", gone)
    until(lambda: missing_rights(settings, rights) == [gone])
    system = run_as("posters-render")
    worker, doctor = system.command("worker", "render"), system.command("doctor", "render")

    assert worker.returncode == 1
    sentence = (
        "the broker does not give user posters-render the right `Write` on topic poster-retries-3; "
        "`posters setup --acls kafka` (or `rpk`) prints the commands that grant it"
    )
    assert worker.stderr.splitlines() == [f"posters: {sentence}"]
    assert doctor.returncode == 1
    assert [line for line in doctor.stdout.splitlines() if "right `" in line] == [f"         {sentence}"]


async def test_a_right_that_is_taken_away_ends_what_needs_it(
    owner: AdminClient, guarded: tuple[KafkaServer, str]
) -> None:
    """Publishing, consuming and reading a compacted topic raise an error that names the right, and do not go on."""
    settings = settings_of(guarded, "nobody")
    publisher = KafkaPublisher(settings)
    with pytest.raises(AuthorizationError, match="`Write` on topic poster-renders"):
        await publisher.publish([Record(topic="poster-renders", key="k", value=b"x")])
    await publisher.close()
    with pytest.raises(AuthorizationError, match="`Write` on topic poster-requests"):
        await asyncio.to_thread(
            KafkaClient(settings).publish, [Record(topic=topics.POSTER_REQUESTS, key="k", value=b"x")]
        )
    with pytest.raises(AuthorizationError, match="`Read` on topic dead-letters"):
        await asyncio.to_thread(read_all, settings)


def read_all(settings: Settings) -> list[Any]:
    """Read all dead letters."""
    with KafkaClient(settings).reader(topics.DEAD_LETTERS, from_beginning=True) as records:
        return list(records.until_end())


@pytest.mark.parametrize(
    "gone", [Right("Read", "group", "retry"), Right("Read", "topic", "poster-retries-1")], ids=["group", "topic"]
)
async def test_a_consumer_that_loses_a_right_ends(
    owner: AdminClient, guarded: tuple[KafkaServer, str], gone: Right
) -> None:
    """The role ends with the right that is missing; nothing retries forever."""
    rights, settings = rights_of(["retry"], []), settings_of(guarded, "posters-retry")
    allow(owner, printed())
    await asyncio.to_thread(until, lambda: not missing_rights(settings, rights))
    inbox = Inbox(["poster-retries-1"], cap=4)
    app = RoleApp("retry", settings, [inbox])
    await app.start()
    try:
        deny(owner, "posters-retry", gone)
        ends = [
            asyncio.ensure_future(Lag(app, Liveness("retry", app.inboxes), lambda: datetime.now(UTC)).run()),
            asyncio.ensure_future(app.until_crashed()),
        ]
        done, pending = await asyncio.wait(ends, timeout=SETTLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        for each in pending:
            each.cancel()
        with pytest.raises(AuthorizationError, match=f"`Read` on {gone.kind} {gone.name}"):
            await done.pop()
    finally:
        await app.stop()


async def test_a_reader_of_a_compacted_topic_that_loses_its_right_ends(
    owner: AdminClient, guarded: tuple[KafkaServer, str]
) -> None:
    """While it starts, and later."""
    rights, settings = rights_of(["retry"], []), settings_of(guarded, "posters-retry")
    reader = CompactedTopicReader(topics.JOB_CANCELLATIONS, settings, lambda *_: None)
    with pytest.raises(AuthorizationError, match="`Read` on topic job-cancellations"):
        await asyncio.wait_for(reader.start(), SETTLE_SECONDS)
    await reader.stop()
    allow(owner, printed())
    await asyncio.to_thread(until, lambda: not missing_rights(settings, rights))
    reader = CompactedTopicReader(topics.JOB_CANCELLATIONS, settings, lambda *_: None)
    await asyncio.wait_for(reader.start(), SETTLE_SECONDS)
    deny(owner, "posters-retry", Right("Read", "topic", topics.JOB_CANCELLATIONS))
    with pytest.raises(AuthorizationError, match="`Read` on topic job-cancellations"):
        await asyncio.wait_for(reader.until_refused(), SETTLE_SECONDS)
    await reader.stop()


@pytest.mark.parametrize("tool", ["kafka", "rpk"])
def test_rights_are_printed_for_both_tools(tool: str) -> None:
    """Both print the same rights for the same users, whatever they are called; nothing is a wildcard."""
    arguments = ["setup", "--acls", tool, "--site", "shop", "--principal", "render=r 1"]
    lines = CliRunner().invoke(main, arguments, catch_exceptions=False).stdout.splitlines()
    commands = [shlex.split(line) for line in lines if not line.startswith("#")]
    given = {
        (words[words.index("--allow-principal") + 1], operation.lower().replace("_", ""), flag, name)
        for words in commands
        for flag, name in pairwise(words)
        if flag in ("--topic", "--group")
        for word, value in pairwise(words)
        if word == "--operation"
        for operation in value.split(",")
    }
    users = {role: f"User:posters-{role}" for role in (*ROLES, "operator", "setup")} | {"render": "User:r 1"}
    needed = {(users[user], right) for user in users for right in rights_of([user], [])}
    needed |= {("User:shop", right) for right in rights_of([], ["shop"])}

    assert given == {(user, right.operation.lower(), f"--{right.kind}", right.name) for user, right in needed}
