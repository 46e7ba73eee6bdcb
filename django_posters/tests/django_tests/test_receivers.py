"""Receivers of the signals that raise or are slow: called again for a while, without stopping the consumer."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from django_posters.contract.codec import decode
from django_posters.contract.outcomes import JobEvent, PosterOutcome
from django_posters.models import Job, Poster
from django_posters.results import outcomes
from django_posters.results.outcomes import announce_unannounced, apply_job, apply_outcome
from django_posters.results.receivers import ReceiverRetries
from django_posters.signals import job_finished, poster_erased, poster_finished

from django_posters import request_poster
from django_tests.outcomes import job_event, outcome
from django_tests.site import NAME, Site, make_testimonial


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
