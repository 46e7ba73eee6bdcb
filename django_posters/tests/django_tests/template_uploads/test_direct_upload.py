"""upload_poster_template, with answers as the templates role sends them."""

import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Message

from django_tests.outcomes import NOW
from django_tests.records import read_topic, write_topic
from django_tests.site import NAME, Site, until
from schemas.codec import decode, encode
from schemas.envelope import Envelope
from schemas.templates import PlaceholderDeclaration, TemplateError, TemplateRejected, TemplateUpload, TemplateUploaded
from schemas.topics import TEMPLATE_COMMANDS, TEMPLATE_EVENTS


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A template's file."""
    path = tmp_path / "quote.html"
    path.write_text("<p>{{ quote }} “é”</p>", encoding="utf-8")
    return path


def upload(site: Site, template: Path, *options: str, check: bool = False) -> subprocess.CompletedProcess[str]:
    return site.run("upload_poster_template", "quote", str(template), *options, check=check)


def answered(site: Site, template: Path, answer: Callable[[TemplateUpload], Envelope]) -> tuple[int, str, str]:
    """Upload and wait; answer another command first, then this one. Return exit status and output."""
    process = site.start("upload_poster_template", "quote", str(template), "--wait", captured=True)
    records: list[Message] = []

    def command_came() -> bool:
        records[:] = read_topic(site.broker, TEMPLATE_COMMANDS)
        return bool(records)

    until(command_came)
    command = decode(records[0].value(), TemplateUpload)
    other = encode(
        rejected(TemplateUpload(event_id=uuid.uuid4(), occurred_at=NOW, section="a", name="", html_content=""))
    )
    write_topic(site.broker, TEMPLATE_EVENTS, [b"not an answer", other, encode(answer(command))])
    out, error = process.communicate(timeout=60)
    return process.returncode, out, error


def rejected(command: TemplateUpload) -> TemplateRejected:
    errors = [
        TemplateError(code="template_syntax", message="unexpected end", line=3, column=7),
        TemplateError(code="template_data", message="no place to blame"),
    ]
    return TemplateRejected(
        event_id=uuid.uuid4(), occurred_at=NOW, command_id=command.event_id, section=command.section, errors=errors
    )


def uploaded(command: TemplateUpload) -> TemplateUploaded:
    return TemplateUploaded(
        event_id=uuid.uuid4(),
        occurred_at=NOW,
        command_id=command.event_id,
        section=command.section,
        template_id=uuid.UUID(int=7),
        name=command.name,
        template_version=4,
        is_active=command.set_as_active,
        html_sha256="ab" * 32,
        width=1080,
        height=1080,
    )


def test_template_is_sent_as_the_templates_role_reads_it(site: Site, template: Path) -> None:
    """The command on the topic has the file's text, the section as its key, and the options."""
    done = upload(site, template, "--name", "Quotes", "--inactive", "--width", "1200", "--height", "630", check=True)

    (record,) = read_topic(site.broker, TEMPLATE_COMMANDS)
    command = decode(record.value(), TemplateUpload)
    assert (record.key(), command.section, command.source) == (b"quote", "quote", NAME)
    assert (command.html_content, command.name) == ("<p>{{ quote }} “é”</p>", "Quotes")
    assert (command.set_as_active, command.width, command.height) == (False, 1200, 630)
    assert str(command.event_id) in done.stdout


def test_output_scripts_and_declarations_are_sent(site: Site, template: Path) -> None:
    """The options that the worker's own command has go into the command; declarations may stand in a file."""
    declared = template.with_name("declared.json")
    declared.write_text('[{"name": "quote", "sample_value": "Hi"}]')

    options = ["--output", '{"format": "jpeg"}', "--javascript", "--placeholders", f"@{declared}"]
    upload(site, template, *options, check=True)

    (record,) = read_topic(site.broker, TEMPLATE_COMMANDS)
    command = decode(record.value(), TemplateUpload)
    assert (command.output, command.javascript) == ({"format": "jpeg"}, True)
    assert command.placeholders == [PlaceholderDeclaration(name="quote", sample_value="Hi")]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], (None, None)),
        (["--shared", "--not-private"], (True, False)),
        (["--not-shared", "--private"], (False, True)),
    ],
)
def test_use_by_other_sites_is_sent(
    site: Site, template: Path, options: list[str], expected: tuple[bool | None, bool | None]
) -> None:
    """Each of both can be set and withdrawn, and without an option the command leaves it as it is."""
    upload(site, template, *options, check=True)

    (record,) = read_topic(site.broker, TEMPLATE_COMMANDS)
    command = decode(record.value(), TemplateUpload)
    assert (command.shared, command.private) == expected


def test_accepted_template_is_reported_with_its_version(site: Site, template: Path) -> None:
    """With --wait the answer to this command, and no other, is printed."""
    code, out, _ = answered(site, template, uploaded)

    assert (code, out) == (0, "quote@4 (00000000-0000-0000-0000-000000000007) is uploaded and active.\n")


def test_rejected_template_is_reported_with_line_and_column(site: Site, template: Path) -> None:
    """A rejection is an error exit with file, line and column of every error, in the format of compilers."""
    code, _, error = answered(site, template, rejected)

    assert code == 1
    assert f"{template}:3:7: template_syntax: unexpected end\n" in error
    assert f"{template}: template_data: no place to blame\n" in error


def test_missing_answer_is_an_error(site: Site, template: Path) -> None:
    """Without an answer in time the error says what to check."""
    done = upload(site, template, "--wait", "5")

    assert done.returncode == 1
    assert "no answer within 5 s; is a worker with the role `templates` running?" in done.stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        pytest.param(["Quote", "{file}"], "the section cannot be `Quote`", id="section"),
        pytest.param(["quote", "{file}.missing"], "cannot be read", id="no file"),
        pytest.param(["quote", "{file}", "--name", "x" * 201], "201 characters; 1 to 200", id="name"),
        pytest.param(["quote", "{large}"], "1,048,577 bytes; 1,048,576 are allowed", id="size"),
        pytest.param(["quote", "{binary}"], "cannot be read: it is not UTF-8 text", id="not text"),
        pytest.param(["quote", "{empty}"], "the HTML is empty", id="empty"),
        pytest.param(["quote", "."], ". cannot be read: Is a directory\n", id="directory"),
        pytest.param(["quote", "{file}", "--width", "0"], "`width` is 0; whole numbers of 1 to 8,192", id="side"),
        pytest.param(["quote", "{file}", "--output", "{{"], "--output: that is not JSON", id="output"),
        pytest.param(["quote", "{file}", "--output", "[]"], "--output: write an object", id="output's type"),
        pytest.param(["quote", "{file}", "--placeholders", "@none"], "none cannot be read", id="placeholders"),
        pytest.param(["quote", "{file}", "--placeholders", "[1]"], "the placeholders cannot be read", id="declaration"),
    ],
)
def test_bad_upload_sends_nothing(sqlite_url: str, template: Path, command: list[str], message: str) -> None:
    """What can only be refused is refused here, in one sentence, without a broker."""
    large, binary, empty = (template.with_name(f"{name}.html") for name in ("large", "binary", "empty"))
    empty.write_text("")
    large.write_text("x" * (1024 * 1024 + 1))
    binary.write_bytes(b"\xff\xfe")
    site = Site(database_url=sqlite_url, broker="127.0.0.1:9")

    words = [word.format(file=template, large=large, binary=binary, empty=empty) for word in command]
    done = site.run("upload_poster_template", *words, check=False)

    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_unavailable_broker_is_an_error(sqlite_url: str, template: Path) -> None:
    """Who waits for an answer without a broker reads which address to look at, in one sentence."""
    done = upload(Site(database_url=sqlite_url, broker="127.0.0.1:9"), template, "--wait")

    assert "does it run at 127.0.0.1:9, and was `posters setup` run?" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
