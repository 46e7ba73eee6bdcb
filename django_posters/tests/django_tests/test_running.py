"""The two commands in production: heartbeat, check, start line and metrics; a page under WSGI."""

import json
import signal
import socket
import urllib.request
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from django.core.management import CommandError, call_command
from django.utils import timezone
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import PosterOutcome
from django_posters.contract.topics import JOB_EVENTS
from django_posters.management.heartbeat import Heartbeat, check
from django_posters.models import OutboxEvent
from django_posters.results.outcomes import apply_outcome
from prometheus_client import CollectorRegistry, generate_latest

from django_posters import metrics, request_poster
from django_tests.browsing import browser, served
from django_tests.conftest import NOWHERE
from django_tests.outcomes import job_event, outcome
from django_tests.records import write_topic
from django_tests.site import NAME, Site, make_testimonial, until
from tests.parts.ports import free_port

COMMANDS = ("relay_posters", "consume_posters")


@pytest.mark.parametrize(
    ("content", "works", "sentence"),
    [
        pytest.param(None, False, "relay_posters does not run, or writes another file than ", id="none"),
        pytest.param("{", False, "The heartbeat of relay_posters in ", id="damaged"),
        pytest.param("[]", False, "cannot be read: TypeError", id="no object"),
        pytest.param(
            {"at": 90, "waits_for": ""}, True, "(process 7) runs and works; its last heartbeat is 10 s", id="ok"
        ),
        pytest.param(
            {"at": 39, "waits_for": ""}, False, "has not worked for 61 s, 60 s are allowed; restart it.", id="old"
        ),
        pytest.param({"at": 99, "waits_for": "no\nbroker"}, True, "runs and waits: no broker; its", id="waiting"),
    ],
)
def test_check_says_in_one_sentence_how_the_command_is(
    content: Any, works: bool, sentence: str, tmp_path: Path
) -> None:
    """A running command is distinguished from one that ended, that hangs, and that waits for a server."""
    path = tmp_path / "relay.heartbeat"
    if content is not None:
        text = content if isinstance(content, str) else json.dumps(content | {"pid": 7})
        path.write_text(text, encoding="utf-8")

    found = check(path, "relay_posters", now=100.0)

    assert found[0] is works
    assert sentence in found[1]
    assert "\n" not in found[1]


def test_heartbeat_is_written_once_a_second_and_when_its_state_changes(tmp_path: Path) -> None:
    """A busy command does not write for each record, but what it waits for is known at once."""
    path = tmp_path / "beat"
    now = [100.0]
    heartbeat = Heartbeat(path, clock=lambda: now[0])
    written = []
    for at, waits_for in ((100.0, ""), (100.9, ""), (100.9, "the broker"), (101.95, "the broker")):
        now[0] = at
        heartbeat.beat(waits_for)
        beat = json.loads(path.read_text(encoding="utf-8"))
        written.append((beat["at"], beat["waits_for"]))

    heartbeat.remove()

    assert written == [(100.0, ""), (100.0, ""), (100.9, "the broker"), (101.95, "the broker")]
    assert list(tmp_path.iterdir()) == []


def test_unwritable_heartbeat_stops_no_command(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A command whose heartbeat cannot be written warns once and goes on."""
    heartbeat = Heartbeat(tmp_path / "missing" / "beat")

    heartbeat.beat()
    heartbeat.beat("the broker")
    heartbeat.remove()

    assert [record.message.split(":")[0] for record in caplog.records] == ["the heartbeat cannot be written"]


@pytest.mark.parametrize("command", COMMANDS)
def test_running_command_says_so(plain_site: Site, command: str, tmp_path: Path, capsys: Any) -> None:
    """A command names site and broker at its start, --check sees it while it runs, and no longer after its end."""
    path = tmp_path / "beat"
    process = plain_site.start(command, f"--heartbeat-file={path}", captured=True)
    until(path.exists)

    call_command(command, check=True, heartbeat_file=path)
    process.send_signal(signal.SIGTERM)
    started = "".join(process.communicate(timeout=60))

    assert f"{command} (process {process.pid}) runs and works" in capsys.readouterr().out
    assert f"{command} runs for the site (source) {NAME} with the broker {plain_site.broker}\n" in started
    with pytest.raises(CommandError, match="does not run"):
        call_command(command, check=True, heartbeat_file=path)


def shown(*collectors: Any) -> dict[str, float]:
    """Return the samples that Prometheus would read, by name and labels."""
    registry = CollectorRegistry()
    for collector in collectors:
        registry.register(collector)
    lines = generate_latest(registry).decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_outbox_has_metrics(any_site: Site) -> None:
    """Events that wait, the age of the oldest, and refused ones are counted; events of later are not."""
    now = timezone.now()
    for due_at, refused, minutes in ((None, "", 5), (now + timedelta(hours=1), "", 9), (None, "too large", 20)):
        request_poster(make_testimonial())
        newest = OutboxEvent.objects.latest("pk")
        changes = {"due_at": due_at, "refused": refused, "created_at": now - timedelta(minutes=minutes)}
        OutboxEvent.objects.filter(pk=newest.pk).update(**changes)

    found = shown(metrics.OutboxCollector())

    label = f'{{site="{NAME}"}}'
    assert found[f"django_posters_outbox_events{label}"] == 1
    assert found[f"django_posters_outbox_refused_events{label}"] == 1
    assert 300 <= found[f"django_posters_outbox_age_seconds{label}"] < 400


class _Consumer:
    """A consumer with three partitions: one read, one not read since the start, one whose end is unknown."""

    def assignment(self) -> list[TopicPartition]:
        return [TopicPartition("job-events", number) for number in range(3)]

    def position(self, places: list[TopicPartition]) -> list[TopicPartition]:
        offsets = (7, -1001, -1001)
        return [TopicPartition(p.topic, p.partition, offset) for p, offset in zip(places, offsets, strict=True)]

    def committed(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [TopicPartition(place.topic, place.partition, 4) for place in places]

    def get_watermark_offsets(self, place: TopicPartition, cached: bool) -> tuple[int, int]:
        return [(0, 9), (0, 5), (-1001, -1001)][place.partition]


def test_consumer_has_a_lag(plain_site: Site) -> None:
    """The lag of a partition is what is behind its position, or behind what was committed before the start."""
    found = shown(metrics.ConsumerLagCollector(_Consumer()))  # type: ignore[arg-type]

    assert found == {
        f'django_posters_consumer_lag{{partition="0",site="{NAME}",topic="job-events"}}': 2,
        f'django_posters_consumer_lag{{partition="1",site="{NAME}",topic="job-events"}}': 1,
    }


def test_commands_serve_metrics(site: Site) -> None:
    """Prometheus reads the lag of a running consumer, and the outbox of a running relay."""
    write_topic(site.broker, JOB_EVENTS, [job_event("other", 1, source="another")] * 3)
    addresses = {command: f"127.0.0.1:{free_port()}" for command in COMMANDS}
    for command, address in addresses.items():
        site.start(command, f"--metrics-address={address}")

    def scrape(command: str) -> list[str]:
        try:
            with urllib.request.urlopen(f"http://{addresses[command]}/metrics", timeout=5) as answer:
                return [line for line in answer.read().decode().splitlines() if not line.startswith("#")]
        except OSError:
            return []

    def consumed() -> bool:
        lags = [line for line in scrape("consume_posters") if line.startswith("django_posters_consumer_lag{")]
        return any('topic="job-events"' in line for line in lags) and all(line.endswith(" 0.0") for line in lags)

    until(consumed)
    until(lambda: f'django_posters_outbox_events{{site="{NAME}"}} 0.0' in scrape("relay_posters"))


@pytest.mark.parametrize("address", ["9101", "localhost:", ":9101"])
def test_wrong_address_of_metrics_is_an_error(plain_site: Site, address: str) -> None:
    """An address without host or port is refused, with an example."""
    with pytest.raises(CommandError, match='takes "host:port", as in'):
        call_command("consume_posters", metrics_address=address)


def test_taken_port_of_metrics_is_an_error(plain_site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    """Where another process has the port, or none can, the command ends with one sentence, and does not say it runs."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        for port in (taken.getsockname()[1], 70_000):
            with pytest.raises(CommandError, match=f"the metrics cannot be served on 127.0.0.1:{port}: "):
                call_command("relay_posters", metrics_address=f"127.0.0.1:{port}")

    assert "runs for the site" not in capsys.readouterr().out


def test_page_under_wsgi_logs_no_error(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A progress bar of a site under WSGI polls, and the browser's console stays empty until the poster is there."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")  # Playwright runs an event loop
    with Site(database_url=sqlite_url, broker=NOWHERE) as site, served(site) as url, browser() as opened:
        poster = request_poster(row := make_testimonial())
        page = opened.new_page()
        logged: list[str] = []
        page.on("console", lambda message: logged.append(message.text))
        page.goto(f"{url}/{row.pk}/")
        page.wait_for_function("document.querySelector('progress').max === 1")
        apply_outcome(decode(outcome(poster.job_id, url="data:,"), PosterOutcome))
        page.wait_for_function("document.querySelector('output').textContent === '1 of 1 made'")

    assert logged == []
