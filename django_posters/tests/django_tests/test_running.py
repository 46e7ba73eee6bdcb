"""The two commands in production: heartbeat, check, start line, metrics, and receivers that raise."""

import json
import signal
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import TopicPartition
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.contract.topics import JOB_EVENTS
from django_posters.management.heartbeat import Heartbeat, check
from django_posters.models import Job, OutboxEvent, Poster
from django_posters.results import outcomes
from django_posters.results.outcomes import announce_unannounced, apply_job, apply_outcome
from django_posters.results.receivers import ReceiverRetries
from django_posters.signals import job_finished, poster_erased, poster_finished
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


class _Receivers:
    """A receiver of every signal that raises a few times, beside one that does not."""

    def __init__(self) -> None:
        self.failures = 0
        self.called: list[str] = []
        self.takes: Callable[[], object] = lambda: None

    def hear(self, **arguments: Any) -> None:
        self.takes()
        self.called.append("poster" if "poster" in arguments else "job")
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the search index is unavailable")


@pytest.fixture
def receiver() -> Iterator[_Receivers]:
    """A receiver that is connected to every signal."""
    receiver = _Receivers()
    signals = (poster_finished, job_finished, poster_erased)
    for each in signals:
        each.connect(receiver.hear)
    yield receiver
    for each in signals:
        each.disconnect(receiver.hear)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """The time of the retries of receivers; retries are switched on for an hour."""
    now = [0.0]
    retries = ReceiverRetries(clock=lambda: now[0])
    retries.is_running = True
    monkeypatch.setattr(outcomes, "retries", retries)
    with override_settings(POSTERS=settings.POSTERS | {"RETRY_RECEIVERS": 3600, "SITE": NAME}):
        yield now


def finish(status: str = "completed") -> Poster:
    """Complete a new poster and its job."""
    poster = request_poster(make_testimonial())
    apply_outcome(decode(outcome(poster.job_id, status), PosterOutcome))
    apply_job(decode(job_event(poster.job_id, 1, "completed", total_count=1, success_count=1), JobEvent))
    return poster


def test_receivers_that_raise_are_called_again(any_site: Site, receiver: _Receivers, clock: list[float]) -> None:
    """The signals of a poster and a job are sent again until no receiver raises, after growing delays."""
    receiver.failures = 3  # the poster's twice, the job's once
    poster = finish()
    receiver.called.clear()
    calls = []
    for now in (9.0, 10.0, 29.0, 30.0, 100.0):
        clock[0] = now
        outcomes.retries.run_due()
        calls.append(sorted(receiver.called))
        receiver.called.clear()

    assert calls == [[], ["job", "poster"], [], ["poster"], []]
    assert Poster.objects.get(pk=poster.pk).announced
    assert Job.objects.get(pk=poster.job_id).announced


def test_receivers_are_given_up(
    any_site: Site, receiver: _Receivers, clock: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    """After RETRY_RECEIVERS a signal counts as sent, with an error in the log."""
    receiver.failures = 1_000
    poster = finish()
    for now in range(0, 6_000, 50):
        clock[0] = float(now)
        outcomes.retries.run_due()
    receiver.called.clear()
    clock[0] = 1e6
    outcomes.retries.run_due()

    assert receiver.called == []
    assert Poster.objects.get(pk=poster.pk).announced
    assert f"receivers of poster {poster.pk} still raise after 3600 s" in caplog.text


def test_restarted_consumer_calls_them_again(any_site: Site, receiver: _Receivers, clock: list[float]) -> None:
    """What was to be sent again when the consumer ended is sent after its start."""
    receiver.failures = 2
    poster = finish()
    receiver.called.clear()
    outcomes.retries._failures.clear()  # the process ends

    announce_unannounced()
    outcomes.retries.run_due()

    assert receiver.called == ["poster", "job"]
    assert Poster.objects.get(pk=poster.pk).announced


def test_erasures_are_called_again_after_a_restart(any_site: Site, receiver: _Receivers, clock: list[float]) -> None:
    """So is poster_erased, by which receivers delete their copies: while the process runs, and after its start."""
    poster = finish()
    receiver.failures = 2
    receiver.called.clear()
    erased = decode(outcome(poster.job_id, "erased"), PosterOutcome)

    apply_outcome(erased)
    clock[0] = 10.0
    outcomes.retries.run_due()
    outcomes.retries._failures.clear()  # the process ends
    for _ in range(2):
        announce_unannounced()
        outcomes.retries.run_due()
        apply_outcome(erased)

    assert receiver.called == ["poster"] * 3
    assert Poster.objects.get(pk=poster.pk).is_erased


def test_erasure_survives_a_kill(any_site: Site, receiver: _Receivers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process killed between the commit and the signal leaves the signal to the redelivered erasure."""
    poster = finish()
    erased = decode(outcome(poster.job_id, "erased"), PosterOutcome)
    receiver.called.clear()
    with monkeypatch.context() as killed:
        killed.setattr(outcomes.retries, "send", _kill)
        with pytest.raises(KeyboardInterrupt):
            apply_outcome(erased)

    apply_outcome(erased)
    apply_outcome(erased)

    assert receiver.called == ["poster"]


def test_slow_receivers_leave_time_for_results(any_site: Site, receiver: _Receivers, clock: list[float]) -> None:
    """After two seconds of receivers that are called again, and at a start, the consumer goes on with its records."""
    receiver.failures = 1_000
    for _ in range(3):
        finish()

    def call() -> int:
        receiver.called.clear()
        outcomes.retries.run_due()
        return len(receiver.called)

    clock[0] = 10.0
    receiver.takes = lambda: clock.__setitem__(0, clock[0] + 1.0)
    again = [call(), call(), call()]
    outcomes.retries._failures.clear()
    announce_unannounced()
    after_a_start = [call(), call(), call()]

    assert (again, after_a_start) == ([2, 2, 2], [2, 2, 2])


def test_signal_that_another_process_sent_is_forgotten(
    plain_site: Site, receiver: _Receivers, clock: list[float]
) -> None:
    """Where there is nothing to send any more, nothing waits in memory for ever."""
    receiver.failures = 2
    finish()
    Poster.objects.update(announced=True)
    Job.objects.update(announced=True)
    clock[0] = 10.0

    outcomes.retries.run_due()

    assert outcomes.retries._failures == {}


def test_too_many_failures_are_logged(
    plain_site: Site,
    receiver: _Receivers,
    clock: list[float],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What is not called again because too much waits already is an error in the log."""
    monkeypatch.setattr("django_posters.results.receivers.MAX_REMEMBERED", 1)
    receiver.failures = 1_000

    finish()

    assert "they are not called again: 1 others wait" in caplog.text


def _kill(*_: object, **__: object) -> bool:
    raise KeyboardInterrupt


def test_receivers_are_not_called_again_unless_asked_for(any_site: Site, receiver: _Receivers) -> None:
    """Without RETRY_RECEIVERS a signal is sent once, as before."""
    receiver.failures = 2
    poster = finish()
    receiver.called.clear()

    outcomes.retries.run_due()

    assert receiver.called == []
    assert Poster.objects.get(pk=poster.pk).announced


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
