"""A broker with authentication and TLS: every client connects, and none without the right credentials."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka.admin import (
    NewTopic,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)
from django_posters.conf import Settings as SiteSettings
from django_posters.kafka import make_consumer, make_producer

from agents.settings import Settings, read_settings
from posters.operations.broker.topics import TopicAdmin
from posters.operations.kafka_client import KafkaClient
from schemas.topics import JOB_CANCELLATIONS
from streams.broker_access import librdkafka_options
from streams.compacted_topic import CompactedTopicReader
from streams.delivery import Record
from streams.errors import SettingsError, UnavailableError
from streams.faust_bridge.application import RoleApp
from streams.inbox import Inbox
from streams.topics import TOPICS
from tests.parts import Bucket, KafkaServer
from tests.parts.ports import free_port

PASSWORD = "a password of this test"


def openssl(*arguments: object) -> None:
    """Run openssl, which has to be there."""
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, and certificates it signed for the broker and for a worker."""
    directory = tmp_path_factory.mktemp("certificates")
    ca = ("-days", "2", "-nodes", "-newkey", "rsa:2048")
    openssl("req", "-x509", *ca, "-subj", "/CN=tests", "-keyout", directory / "ca.key", "-out", directory / "ca.pem")
    for name in ("broker", "worker"):
        request, extension = directory / f"{name}.csr", directory / f"{name}.ext"
        extension.write_text("subjectAltName=IP:127.0.0.1\n")
        key = directory / f"{name}.key"
        openssl("req", "-nodes", "-newkey", "rsa:2048", "-subj", f"/CN={name}", "-keyout", key, "-out", request)
        signing = ("-CA", directory / "ca.pem", "-CAkey", directory / "ca.key", "-CAcreateserial", "-days", "2")
        signed = directory / f"{name}.pem"
        openssl("x509", "-req", "-in", request, *signing, "-extfile", extension, "-out", signed)
        (directory / f"{name}.both").write_text(key.read_text() + signed.read_text())
    return directory


@pytest.fixture(scope="module")
def addresses(parts_directory: Path, certificates: Path) -> Iterator[dict[str, str]]:
    """A broker with a door for those who log in and one for those with a certificate: `host:port` of each."""
    ports = {"SASL_SSL": free_port(), "SSL": free_port()}
    settings = {
        "sasl.enabled.mechanisms": "SCRAM-SHA-512,SCRAM-SHA-256",
        "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": _login_module(),
        "listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config": _login_module(),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates / "broker.both"),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates / "ca.pem"),
        "listener.name.ssl.ssl.client.auth": "required",
    }
    with KafkaServer(parts_directory / "secured", listeners=ports, settings=settings) as server:
        admin = server.admin()
        for mechanism in (ScramMechanism.SCRAM_SHA_512, ScramMechanism.SCRAM_SHA_256):
            user = UserScramCredentialUpsertion("worker", ScramCredentialInfo(mechanism, 4096), PASSWORD.encode())
            for done in admin.alter_user_scram_credentials([user]).values():
                done.result()
        server.make_topics(
            NewTopic(topic.name, num_partitions=topic.partitions, config=topic.configuration()) for topic in TOPICS
        )
        yield {protocol: f"127.0.0.1:{port}" for protocol, port in ports.items()}


def _login_module() -> str:
    return "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@pytest.fixture(params=["SCRAM-SHA-512", "SCRAM-SHA-256", "certificate"])
def variables(request: pytest.FixtureRequest, addresses: dict[str, str], certificates: Path) -> dict[str, str]:
    """The environment of a worker that may come in."""
    common = {"POSTERS_BROKER_CA": str(certificates / "ca.pem"), "POSTERS_SESSION_TIMEOUT": "10"}
    if request.param == "certificate":
        own = {"CERTIFICATE": certificates / "worker.pem", "KEY": certificates / "worker.key"}
        mine = {f"POSTERS_BROKER_{name}": str(path) for name, path in own.items()}
        return {**common, **mine, "POSTERS_BROKERS": addresses["SSL"], "POSTERS_BROKER_SECURITY": "ssl"}
    return {
        **common,
        "POSTERS_BROKERS": addresses["SASL_SSL"],
        "POSTERS_BROKER_SECURITY": "sasl_ssl",
        "POSTERS_BROKER_SASL": request.param,
        "POSTERS_BROKER_USERNAME": "worker",
        "POSTERS_BROKER_PASSWORD": PASSWORD,
    }


@pytest.fixture
def settings(variables: dict[str, str]) -> Settings:
    """The settings of a worker that may come in."""
    return read_settings(variables)


async def test_every_client_of_ours_gets_in(settings: Settings) -> None:
    """A role receives what it publishes, a whole topic is read, and the commands reach the broker."""
    inbox = Inbox(["poster-renders"], cap=4)
    app = RoleApp("render", settings, [inbox])
    await app.start()
    whole = CompactedTopicReader(JOB_CANCELLATIONS, settings, lambda *_: None)
    try:
        await whole.start()
        await app.publisher.publish([Record(topic="poster-renders", key="k", value=b"hello")])
        taken = await asyncio.wait_for(inbox.take(1), 60)
        inbox.finish(taken)
    finally:
        await whole.stop()
        await app.stop()
    problems = await asyncio.to_thread(TopicAdmin(settings).check)

    assert taken[0].value == b"hello"
    assert problems == []


@pytest.mark.parametrize("variables", ["certificate"], indirect=True)
def test_a_worker_and_the_commands_work_there(
    variables: dict[str, str], database: str, bucket: Bucket, tmp_path: Path
) -> None:
    """A template that a command uploads is taken, stored and answered by a worker; doctor finds the broker in order."""
    environment = {
        **os.environ,
        **variables,
        "POSTERS_DATABASE_URL": database,
        "POSTERS_STORAGE_URL": bucket.storage_url,
    }
    html = tmp_path / "quote.html"
    html.write_text("<p>{{ quote }}</p>")

    def posters(*arguments: object) -> list[str]:
        return [sys.executable, "-m", "posters", *map(str, arguments)]

    with (tmp_path / "worker.log").open("wb") as log:
        worker = subprocess.Popen(posters("worker", "templates"), env=environment, stdout=log, stderr=log)
    try:
        uploaded = subprocess.run(
            posters("templates", "upload", f"s{uuid4().hex[:8]}", html, "--timeout", 60),
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        doctor = subprocess.run(posters("doctor"), env=environment, capture_output=True, text=True, check=False)
    finally:
        worker.terminate()
        code = worker.wait(60)

    assert uploaded.returncode == 0, uploaded.stderr + (tmp_path / "worker.log").read_text()
    assert "@1" in uploaded.stdout
    assert "ok       broker and topics" in doctor.stdout
    assert code == 0


@pytest.mark.parametrize("variables", ["SCRAM-SHA-512"], indirect=True)
def test_a_site_gets_in(settings: Settings) -> None:
    """What `KAFKA_OPTIONS` says is enough for the clients of the Django side."""
    options = {name: value for name, value in librdkafka_options(settings).items() if name != "bootstrap.servers"}
    site = SiteSettings(
        bootstrap_servers=settings.brokers, site="shop", kafka_options=options, permission=lambda *_: True
    )
    topic, value = "job-events", uuid4().bytes
    producer = make_producer(site)
    producer.produce(topic, key="k", value=value)
    waiting = producer.flush(30)
    consumer = make_consumer(site, group=uuid4().hex)
    consumer.subscribe([topic])
    while (message := consumer.poll(20)) is not None and message.value() != value:
        pass
    consumer.close()

    assert waiting == 0
    assert message is not None


@pytest.mark.parametrize("variables", ["SCRAM-SHA-256"], indirect=True)
def test_a_wrong_password_is_said_and_not_shown(settings: Settings) -> None:
    """A command fails with a sentence, and neither it nor the settings, printed, hold the password."""
    wrong = replace(settings, broker_password="not the password")
    with pytest.raises(UnavailableError) as refused:
        KafkaClient(wrong).publish([Record(topic="poster-renders", key="k", value=b"x")])

    assert "not the password" not in str(refused.value)
    assert PASSWORD not in repr(settings)


@pytest.mark.parametrize("variables", ["certificate"], indirect=True)
def test_a_certificate_that_is_not_there_is_named(settings: Settings) -> None:
    """The sentence names the settings."""
    with pytest.raises(SettingsError, match="POSTERS_BROKER_CA"):
        RoleApp("render", replace(settings, broker_ca="/nowhere.pem"), [])


@pytest.mark.parametrize(
    ("environment", "part"),
    [
        ({"POSTERS_BROKER_SECURITY": "tls"}, "takes one of plaintext, ssl"),
        ({"POSTERS_BROKER_SECURITY": "sasl_ssl"}, "POSTERS_BROKER_PASSWORD"),
        ({"POSTERS_BROKER_SASL": "GSSAPI"}, "SCRAM-SHA-256"),
    ],
)
def test_what_does_not_fit_together_is_refused(environment: dict[str, str], part: str) -> None:
    """Settings that no broker could be reached with are refused at start."""
    with pytest.raises(SettingsError, match=part):
        read_settings(environment)
