"""Options for rights at the broker, and a refusal by the broker, on the command line; without any server."""

import asyncio
from collections.abc import Sequence

import pytest
from click.testing import CliRunner

from agents.settings import Settings
from posters.commands import worker
from posters.main import main
from streams.errors import AuthorizationError
from streams.topics import Role


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["setup", "--site", "shop"], "go with --acls"),
        (["setup", "--acls", "rpk", "--site", "my shop"], "'my shop' is no name of a site"),
        (["setup", "--acls", "rpk", "--principal", "render"], "it takes WHO=USER"),
        (["setup", "--acls", "redpanda"], "'redpanda' is not one of"),
        (["doctor", "--site", "*"], "'*' is no name of a site"),
        (["doctor", "nobody"], "'nobody' is not one of"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(arguments: list[str], part: str) -> None:
    """Names end up in commands that somebody runs, so only those of sites are taken."""
    done = CliRunner().invoke(main, arguments)

    assert done.exit_code != 0
    assert part in done.stderr


def test_a_source_with_own_topics_is_printed_without_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may write its own topics and not the shared ones, on which intake writes for it."""
    monkeypatch.setenv("POSTERS_SOURCE_TOPICS", "shop")
    done = CliRunner().invoke(main, ["setup", "--acls", "rpk"])
    intake, site = done.stdout.partition("# render")[0], done.stdout.partition("# site shop\n")[2]

    assert "--operation write --topic poster-requests.shop --topic template-commands.shop" in site
    assert "--topic poster-requests " not in site
    assert "--operation read --topic poster-requests.shop --topic template-commands.shop" in intake
    assert "--operation write,read --topic poster-requests" in intake


async def test_a_refusal_ends_a_worker_with_its_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also from within the task groups of a role, which wrap errors; at once, because threads of consumers remain."""

    async def refused(roles: Sequence[Role], settings: Settings, stop: asyncio.Event) -> None:
        error = AuthorizationError("Write", "topic poster-logs")
        raise ExceptionGroup("unhandled errors in a TaskGroup", [ExceptionGroup("more", [error])])

    def end() -> None:
        raise SystemExit(1)

    monkeypatch.setattr(worker, "run_worker", refused)
    monkeypatch.setattr(worker, "_end_at_once", end)
    with pytest.raises(SystemExit):
        await worker._run(("render",), Settings())

    assert (
        "posters: the broker does not give this user the right `Write` on topic poster-logs" in capsys.readouterr().err
    )
