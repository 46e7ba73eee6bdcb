"""Record content on a terminal: whole cells, and no control character that the terminal would obey."""

import json

import pytest
from click.testing import CliRunner

from posters.commands import dead_letters, status
from posters.commands.terminal import aligned, say_document, say_fields, say_rows
from posters.main import CommandError, main
from posters.operations import dead_letter_actions
from posters.operations.dead_letters import DeadLetter
from posters.operations.errors import OperationError
from posters.operations.jobs import Job
from streams.printable import printable

ESCAPE, OVERRIDE, CSI = "\x1b[2J", "\u202egnp", "\x9b1m"
HOSTILE = f"a{ESCAPE}{OVERRIDE}{CSI}"
ESCAPED = "a\\u001b[2J\\u202egnp\\u009b1m"


def letter(**changes: object) -> DeadLetter:
    """Return a dead letter whose texts come from a hostile sender."""
    fields: dict[str, object] = {
        "role": "intake",
        "topic": "poster-requests",
        "partition": 3,
        "offset": 12345,
        "timestamp": 0,
        "reason": "invalid_request",
        "error": f"`{HOSTILE}` is no section",
        "time": "2026-01-01T00:00:00+00:00",
        "claim": None,
        "claimed": None,
        "key": HOSTILE.encode(),
        "value": f'{{"section":\n"{HOSTILE}"}}'.encode(),
        "headers": ((HOSTILE, HOSTILE.encode()),),
    }
    return DeadLetter(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture
def letters(monkeypatch: pytest.MonkeyPatch) -> list[DeadLetter]:
    """The dead letters that the commands find, in place of a broker's."""
    found = [letter()]

    async def find(*_: object, **__: object) -> tuple[list[DeadLetter], list[object]]:
        return found, []

    monkeypatch.setattr(dead_letter_actions, "find", find)
    monkeypatch.setattr(dead_letters, "read", lambda *_: found)
    return found


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Grüße 漢字 👩‍👩‍👧 עברית", "plain Grüße 漢字 👩‍👩‍👧 עברית"),
        ("\x1b]0;title\x07", "\\u001b]0;title\\u0007"),
        ("\x00\x08\x7f", "\\u0000\\u0008\\u007f"),
        ("\x85\x9b", "\\u0085\\u009b"),
        ("\u202a\u202b\u202c\u202d\u202e", "\\u202a\\u202b\\u202c\\u202d\\u202e"),
        ("\u2066\u2067\u2068\u2069\u200e\u200f\u061c", "\\u2066\\u2067\\u2068\\u2069\\u200e\\u200f\\u061c"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\ud800", "\\ud800"),
    ],
)
def test_control_characters_are_escaped_and_texts_of_all_scripts_stay(text: str, shown: str) -> None:
    """What a terminal would obey or reorder is shown as an escape; letters, emoji and their joiners are unchanged."""
    assert printable(text) == shown


def test_escaped_json_is_the_same_json() -> None:
    """A program that reads `--json` gets the original text; whoever looks at it gets no control character."""
    document = json.dumps({"entity": HOSTILE}, ensure_ascii=False, indent=2)

    assert json.loads(printable(document, multiline=True)) == {"entity": HOSTILE}
    assert "\u202e" not in printable(document, multiline=True)


def test_cells_are_whole_and_in_columns() -> None:
    """Columns start below their heads, wide characters count double, and a long key is neither cut nor wrapped."""
    long = "k" * 200
    lines = aligned([["role", "key", "error"], ["intake", "漢字", "x"], ["render", long, "y"]])

    assert lines[1].startswith("intake  漢字" + " " * 36 + "  x")
    assert lines[2] == f"render  {long}  y"
    assert lines[0].index("error") == lines[1].index("x") + 2


def test_a_piped_list_has_a_line_a_letter_with_every_field_whole(letters: list[DeadLetter]) -> None:
    """Into a pipe nothing is truncated or wrapped, columns are separated by tabs, and keys can be copied."""
    key = "job_" + "0123456789" * 7
    letters.append(letter(key=key.encode(), error="one\ttwo\nthree " + "long " * 100))
    done = CliRunner(env={"COLUMNS": "20"}).invoke(main, ["dead-letters", "list"])
    first, second, count = done.stdout.splitlines()

    assert first.split("\t")[:3] == ["intake", "poster-requests/3/12345", ESCAPED]
    assert second.split("\t")[2] == key
    assert second.split("\t")[6] == "one\\ttwo\\nthree " + "long " * 100
    assert count == "2 of 2"


@pytest.mark.usefixtures("letters")
@pytest.mark.parametrize("command", ["list", "show"])
def test_dead_letters_are_shown_without_control_characters(command: str) -> None:
    """Key, error, headers and value of a hostile record are shown escaped."""
    done = CliRunner().invoke(main, ["dead-letters", command])

    assert done.exit_code == 0
    assert f"`{ESCAPED}` is no section" in done.stdout
    assert done.stdout.count(ESCAPED) >= 2
    assert not any(character in done.stdout for character in "\x1b\x9b\u202e")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_job_s_posters_are_shown_without_control_characters(
    monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """Entity ids and error messages of a hostile request are shown escaped, also within JSON."""
    counts = {"success_count": 0, "failure_count": 1, "cancelled_count": 0, "total_count": 1}
    poster = {
        "poster_index": 0,
        "entity_id": HOSTILE,
        "status": "failed",
        "generation_time_ms": None,
        "output_url": None,
        "error_code": "template_data",
        "error_message": HOSTILE,
    }

    async def find(*_: object) -> Job:
        return Job(row={"job_id": "job", "status": "failed", **counts}, posters=[poster])

    monkeypatch.setattr(status, "find_job", find)
    done = CliRunner().invoke(main, ["status", "job", *options])

    assert done.exit_code == 0, done.output
    assert done.stdout.count(ESCAPED) == 2
    assert not any(character in done.stdout for character in "\x1b\x9b\u202e")


def test_rows_on_a_terminal_have_heads_and_no_control_characters(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cells are escaped before they are aligned."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    say_rows(("entity", "status"), [(HOSTILE, "failed"), ("b", "completed")])
    head, first, second = capsys.readouterr().out.splitlines()

    assert first == f"{ESCAPED}  failed"
    assert head.index("status") == first.index("failed") == second.index("completed")


@pytest.mark.parametrize("on_terminal", [False, True])
def test_outcomes_are_printed_as_fields(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, on_terminal: bool
) -> None:
    """What `request --wait` prints of a poster is one line with tabs, also on a terminal."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: on_terminal)
    say_fields("0", "failed", f"template_data: {HOSTILE}")

    assert capsys.readouterr().out == f"0\tfailed\ttemplate_data: {ESCAPED}\n"


@pytest.mark.parametrize(("on_terminal", "shown"), [(False, HOSTILE), (True, ESCAPED)])
def test_a_document_is_escaped_only_on_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, on_terminal: bool, shown: str
) -> None:
    """HTML that is written to a file stays byte for byte; on a terminal it cannot command it."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: on_terminal)
    say_document(f"<p>\n\t{HOSTILE}</p>")

    assert capsys.readouterr().out == f"<p>\n\t{shown}</p>\n"


def test_an_error_message_is_escaped_and_keeps_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """What a record or a server says within an error does not reach the terminal raw."""
    CommandError(f"refused\n  {HOSTILE}").show()

    assert capsys.readouterr().err == f"posters: refused\n  {ESCAPED}\n"


def test_an_operation_that_fails_is_a_message_and_exit_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    """Operations know no click: the command line turns their errors into one sentence."""

    async def find(*_: object) -> Job:
        raise OperationError("job x is gone; request it again")

    monkeypatch.setattr(status, "find_job", find)
    done = CliRunner().invoke(main, ["status", "x"])

    assert (done.exit_code, done.stderr) == (1, "posters: job x is gone; request it again\n")
