"""Mistakes that the command line finds by itself, before it connects to a server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from posters.main import main
from posters.operations.batch_file import read_posters
from posters.operations.errors import OperationError

FILES: dict[str, tuple[str, bytes, str]] = {
    "nothing in it": ("a.jsonl", b"\n", "holds no posters"),
    "not JSON": ("a.jsonl", b'{"custom_data": {}}\n\n{nope\n', "line 3: not JSON"),
    "data where custom_data belongs": ("a.jsonl", b'{"title": "x"}\n', "line 1: `title` is none of"),
    "not an object": ("a.jsonl", b"[1]\n", "line 1: Expected `object`"),
    "another encoding": ("a.jsonl", b'{"custom_data": {"t": "\xe9"}}\n', "is not UTF-8"),
    "a cell too large for a poster": ("a.csv", b"t\nx\n" + b"x" * 200_000 + b"\n", "after line 2: not CSV"),
    "a cell without its end": ("a.csv", b't\n"x\n', "not CSV"),
    "a cell without a column": ("a.csv", b"t\nx,y\n", "line 2: more cells than the 1 columns"),
    "a column twice": ("a.csv", b"t,t\nx,y\n", "two columns named `t`"),
    "another encoding of a table": ("a.csv", "t\nx\n".encode("utf-16"), "is not UTF-8"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_bad_batch_file_is_refused_with_the_place(tmp_path: Path, name: str) -> None:
    """The file is refused as a whole, and the message names the line."""
    file_name, content, said = FILES[name]
    path = tmp_path / file_name
    path.write_bytes(content)

    with pytest.raises(OperationError, match=said):
        read_posters(path)


@pytest.mark.parametrize("file_name", ["a.jsonl", "a.csv"])
def test_a_byte_order_mark_is_no_data(tmp_path: Path, file_name: str) -> None:
    """Editors on Windows write one; it is no part of the first line."""
    path = tmp_path / file_name
    text = '{"custom_data": {"t": "x"}}\n' if file_name == "a.jsonl" else "t\nx\n"
    path.write_text(text, encoding="utf-8-sig")

    assert [json.loads(bytes(poster)) for poster in read_posters(path)] == [{"custom_data": {"t": "x"}}]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--batch", "good.csv", "--job", "not a job id"], "job_id"),
        (["--batch", "good.csv", "--metadata", json.dumps({"a": "x" * 5000})], "`metadata` has"),
        (["--data", "@latin.json"], "latin.json is not UTF-8"),
    ],
)
def test_a_bad_request_is_refused_before_it_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], said: str
) -> None:
    """One sentence, without connecting to a broker: the address leads nowhere."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POSTERS_BROKERS", "127.0.0.1:1")
    Path("good.csv").write_text("t\nx\n", encoding="utf-8")
    Path("latin.json").write_bytes(b'{"t": "\xe9"}')

    done = CliRunner().invoke(main, ["request", "x_latest", *arguments])

    assert done.exit_code != 0
    assert said in done.stderr
    assert isinstance(done.exception, SystemExit)
