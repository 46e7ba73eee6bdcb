"""The command line against a running system: results, and the answers to mistakes."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from schemas import limits, topics
from schemas.codec import encode
from schemas.templates import TemplateUpload
from tests.flow.system import System, stamp


@pytest.fixture(scope="module")
def section(system: System, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A section uploaded from the command line."""
    file = tmp_path_factory.mktemp("html") / "card.html"
    file.write_text("<h1>{{ title }}</h1>", encoding="utf-8")
    done = system.command("templates", "upload", "cards", str(file), "--name", "Card", "--timeout", "60")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("cards@1")
    return "cards"


def test_templates_are_listed_shown_activated_previewed_and_archived(
    system: System, section: str, tmp_path: Path
) -> None:
    """A designer's commands work through the topics, from upload to archive and back."""
    second = tmp_path / "second.html"
    second.write_text("<h2>{{ title }}</h2>", encoding="utf-8")

    uploaded = system.command("templates", "upload", section, str(second), "--no-activate")
    listed = system.command("templates", "list")
    shown = system.command("templates", "show", f"{section}@2", "--html")
    activated = system.command("templates", "activate", f"{section}@2")
    preview = system.command("templates", "preview", f"{section}_latest")
    archived = system.command("templates", "archive", f"{section}@1")
    again = system.command("templates", "list")
    back = system.command("templates", "activate", f"{section}@1")

    assert uploaded.stdout.startswith(f"{section}@2")
    assert "not active" in uploaded.stdout
    assert f"{section}@1" in listed.stdout
    assert shown.stdout.strip() == "<h2>{{ title }}</h2>"
    assert f"{section}@2 is active" in activated.stdout
    assert preview.stdout.startswith("http")
    assert archived.returncode == 0
    assert "archived" in again.stdout
    assert back.returncode == 0


def test_a_request_is_followed_and_its_job_shown(system: System, section: str) -> None:
    """`request --wait` prints where the poster is; `watch` and `status` know the job."""
    done = system.command("request", f"{section}_latest", "--data", '{"title": "x"}', "--entity", "e1", "--wait")
    job = done.stdout.splitlines()[0]
    watched = system.command("watch", job, "--timeout", "30")
    status = system.command("status", job, "--json")
    shown = system.command("status", job)

    assert done.returncode == 0, done.stderr
    assert "completed\thttp" in done.stdout
    assert watched.stdout.strip() == f"{job} completed"
    assert json.loads(status.stdout)["posters"][0]["entity_id"] == "e1"
    assert "1 completed, 0 failed" in shown.stdout


def test_a_request_is_made_on_behalf_of_a_site(system: System, section: str) -> None:
    """With `--source` the job is that site's; without, it is a job of those who name none."""
    named = system.command("request", f"{section}_latest", "--data", '{"title": "x"}', "--source", "shop")
    nameless = system.command("request", f"{section}_latest", "--data", '{"title": "x"}')
    outcomes = [system.outcome(done.stdout.splitlines()[0]) for done in (named, nameless)]

    assert [outcome.source for outcome in outcomes] == ["shop", None]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("batch.csv", "entity_id,title\na,Ä\nb,二\n"),
        ("batch.jsonl", '{"entity_id":"a","custom_data":{"title":"Ä"}}\n\n{"custom_data":{"title":"二"}}\n'),
    ],
)
def test_a_batch_comes_from_a_file(system: System, section: str, tmp_path: Path, name: str, text: str) -> None:
    """Each line is a poster of one job."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")

    done = system.command("request", f"{section}_latest", "--batch", str(file), "--wait")

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("completed") == 2


def test_what_a_poster_lacks_is_printed_and_fails_a_strict_one(system: System, tmp_path: Path) -> None:
    """Warnings of the outcome stand below it; with `--strict` the poster fails with the code."""
    file = tmp_path / "bare.html"
    file.write_text('<h1>{{ title }}</h1><img src="logo.png">', encoding="utf-8")
    system.command("templates", "upload", "bare", str(file))
    arguments = ["request", "bare_latest", "--data", '{"title": "x", "tilte": "y"}', "--wait"]
    lenient, strict = system.command(*arguments), system.command(*arguments, "--strict")

    assert lenient.returncode == 0, lenient.stderr
    for code in ("relative_address", "unknown_data"):
        assert re.search(rf"^poster 0: warning: .* \({code}\)$", lenient.stderr, re.MULTILINE)
    assert strict.returncode == 1
    assert "failed\trelative_address: " in strict.stdout


def test_a_poster_that_fails_fails_the_command(system: System, section: str) -> None:
    """The exit code and the last line say so."""
    done = system.command("request", f"{section}_latest", "--data", "{}", "--wait")

    assert done.returncode == 1
    assert "template_data" in done.stdout
    assert "1 of 1 posters were not made" in done.stderr


def test_the_doctor_finds_nothing_wrong(system: System) -> None:
    """Every part of a running system is in order."""
    done = system.command("doctor")

    assert done.returncode == 0, done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["ok"] * 7


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["request", "nothing", "--data", "{}"], "names no template"),
        (["request", "x_latest"], "--data for one poster"),
        (["request", "x_latest", "--data", "[1]"], "not an object"),
        (["request", "x_latest", "--data", "{}", "--output", '{"width": 0}'], "width"),
        (["request", "x_latest", "--data", "{}", "--job", "not a job id"], "job_id"),
        (["request", "x_latest", "--batch", "missing.csv"], "cannot be read"),
        (["request", "x_latest", "--data", "{}", "--source", "x" * 65], "source"),
        (["status", "no-such-job"], "not recorded"),
        (["watch", "no-such-job", "--timeout", "0.5"], "was not recorded"),
        (["templates", "activate", "cards@99"], "no template"),
        (["templates", "show", "00000000-0000-0000-0000-000000000001"], "--section"),
        (["worker", "nobody"], "'nobody' is not one of"),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(system: System, section: str, arguments: list[str], part: str) -> None:
    """One clear sentence, a code that is not zero, and never a traceback."""
    assert section
    done = system.command(*arguments)

    assert done.returncode != 0
    assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_the_largest_template_goes_up_and_comes_back(system: System, tmp_path: Path) -> None:
    """A mebibyte of characters that JSON escapes to six bytes each is uploaded, shown, and drawn."""
    html = "\x01" * (limits.TEMPLATE_HTML_MAX_BYTES - 3) + "<p>"
    file = tmp_path / "large.html"
    file.write_text(html, encoding="utf-8")
    uploaded = system.command("templates", "upload", "large", str(file), "--timeout", "60")
    shown = system.command("templates", "show", "large@1", "--html", "--timeout", "60")
    drawn = system.outcome(system.request("large@1", {}))

    assert uploaded.returncode == 0, uploaded.stderr
    assert shown.stdout == html + "\n"
    assert drawn.status == "completed"


def test_a_large_template_may_be_escaped_by_its_sender(system: System) -> None:
    """A sender that writes every character as a JSON escape has the same limit."""
    html = "<p>" + "a" * (limits.TEMPLATE_HTML_MAX_BYTES - 3)
    command = TemplateUpload(**stamp(), section="escaped", name="x", html_content="HTML")
    value = encode(command).replace(b"HTML", "".join(f"\\u{ord(each):04x}" for each in html).encode())
    system.send(topics.TEMPLATE_COMMANDS, command.section, value)
    answer = system.wait(topics.TEMPLATE_EVENTS, lambda record: record.body["command_id"] == str(command.event_id)).body

    assert len(value) > 6 * 2**20
    assert (answer["type"], answer["html_sha256"]) == (
        "template.uploaded",
        hashlib.sha256(html.encode()).hexdigest(),
    )


def test_an_upload_warns_of_relative_addresses(system: System, tmp_path: Path) -> None:
    """The command names line and column; the poster names the address, and a strict one fails with it."""
    file = tmp_path / "relative.html"
    file.write_text("<h1>{{ title }}</h1>\n<img src='img/logo.png'>", encoding="utf-8")
    uploaded = system.command("templates", "upload", "relative", str(file))
    drawn = system.outcome(system.request("relative@1", {"title": "x"}))
    strict = system.outcome(system.request("relative@1", {"title": "x"}, strict=True))

    assert "warning: line 2, column 11: `img/logo.png` in <img src> is relative" in uploaded.stderr
    assert (drawn.degraded, [warning.code for warning in drawn.warnings]) == (True, ["relative_address"])
    assert [(asset.url, asset.ok, asset.reason) for asset in drawn.assets] == [
        ("img/logo.png", False, "relative_address")
    ]
    assert strict.error is not None
    assert (strict.status, strict.error.code) == ("failed", "relative_address")
