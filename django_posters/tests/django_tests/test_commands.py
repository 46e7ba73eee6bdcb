"""The commands beside a site, where there is no broker."""

import signal
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings

from django_posters import request_poster
from django_tests.site import Site, make_testimonial


@pytest.mark.parametrize("command", [["relay_posters"], ["relay_posters", "--once"], ["consume_posters"]], ids=" ".join)
def test_without_a_broker_one_sentence_says_so(plain_site: Site, command: list[str]) -> None:
    """A command says once in a while that no broker can be used, and Ctrl-C ends it in order."""
    request_poster(make_testimonial())
    process = plain_site.start(*command, captured=True)
    assert process.stderr is not None
    said = []
    while not said or "no broker can be used at 127.0.0.1:9" not in said[-1]:
        said.append(process.stderr.readline())
        assert said[-1], said

    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=60)

    lines = [*said, *rest.splitlines()]
    assert "Traceback" not in rest
    assert len(lines) < 20, lines
    assert process.returncode == (1 if "CommandError: the broker did not take 1 events in 10 s" in rest else 0)


@pytest.mark.parametrize("command", [["relay_posters", "--once"], ["consume_posters"]], ids=" ".join)
def test_placeholders_need_no_command(plain_site: Site, command: list[Any]) -> None:
    """With placeholders and no broker's address a command says that it is not needed, instead of waiting for ever."""
    with (
        override_settings(POSTERS={"SITE": "shop", "BACKEND": "placeholder"}),
        pytest.raises(CommandError, match="neither a broker nor this command is needed"),
    ):
        call_command(*command)
