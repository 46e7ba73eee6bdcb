"""`posters templates preview FILE` as designers run it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

import PIL.Image
import psutil
import pytest
from click.testing import CliRunner, Result

from posters.main import main

HTML = '<!doctype html><html lang="en"><meta charset="utf-8"><h1>{{ title }}</h1><p>{{ day | date }}</p></html>'
ROOT = Path(__file__).parents[2]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory of a designer, with a template in it, on a machine without settings."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith(("POSTERS_", "AWS_"))]:
        monkeypatch.delenv(name)
    (tmp_path / "card.html").write_text(HTML, encoding="utf-8")
    return tmp_path


def preview(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, ["templates", "preview", *arguments])


def test_a_template_alone_is_drawn_with_its_samples(desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No data, no settings: one file, and one line that says where it is. Settings of other parts may be anything."""
    monkeypatch.setenv("POSTERS_STORAGE_URL", "nonsense")
    done = preview("card.html", "--width", "300", "--height", "200")

    assert done.exit_code == 0, done.output
    assert done.stdout.startswith("card.preview.png\t300x200\t")
    with PIL.Image.open(desk / "card.preview.png") as image:
        assert image.size == (300, 200)


def test_a_relative_address_has_one_warning(desk: Path) -> None:
    """The warning of the template says the line, that of the picture stays for addresses that scripts make."""
    html = "<html lang=en><meta charset=utf-8>\n<img src='logo.png?v=1'>"
    (desk / "logo.html").write_text(html, encoding="utf-8")
    script = "<body><script>const image = new Image(); image.src = 'made'; document.body.append(image)</script>"
    (desk / "made.html").write_text(html + script, encoding="utf-8")
    logo = preview("logo.html")
    made = preview("made.html", "--javascript")

    assert logo.stderr.count("(relative_address)") == 1
    assert "line 2, column " in logo.stderr
    assert "not loaded: " not in logo.stderr
    assert "not loaded: " in made.stderr


def test_variants_get_a_contact_sheet(desk: Path) -> None:
    """Each variant has a file, and the named picture shows all of them. The output may stand in a file."""
    (desk / "output.json").write_text('{"variants": [{"name": "a"}, {"name": "b", "width": 200}]}', encoding="utf-8")
    done = preview("card.html", "--output", "output.json", "--out", "all.png")

    assert [line.split("\t")[:2] for line in done.stdout.splitlines()] == [
        ["all.png", "contact sheet"],
        ["all-a.png", "1080x1080"],
        ["all-b.png", "200x1080"],
    ]


def test_an_error_in_the_template_is_shown_where_it_is(desk: Path) -> None:
    """`file:line:column`, what to write instead, the line and a caret; the exit code is 1, and there is no picture."""
    (desk / "bad.html").write_text("<p>\n  {{#if a}}x{{/if}}</p>\n", encoding="utf-8")
    done = preview("bad.html")

    assert done.exit_code == 1
    first, line, caret = done.stderr.splitlines()
    assert first.startswith("bad.html:2:3: ")
    assert "write `{% if a %}…{% endif %}`" in first
    assert line.index("{{#if") == caret.index("^")
    assert not list(desk.glob("*.png"))


def test_an_error_that_only_the_data_shows_is_at_its_place_in_the_template(desk: Path) -> None:
    """What an expression cannot do with the data is found where the expression stands."""
    (desk / "bad.html").write_text("<p>\n{{ 1 // count }}</p>\n", encoding="utf-8")
    done = preview("bad.html", "--data", '{"count": 0}')

    assert done.exit_code == 1
    assert done.stderr.splitlines()[0].startswith("bad.html:2:1: ")
    assert "divides by zero (template_data)" in done.stderr


def test_warnings_are_printed_and_the_picture_is_made(desk: Path) -> None:
    """Data that the template does not use, scripts that do not run, and what the renderer warns of."""
    (desk / "card.html").write_text(
        "<!doctype html><h1>{{ title }}</h1><script>0</script><img src='https://127.0.0.1/a.png'>", encoding="utf-8"
    )
    done = preview("card.html", "--data", '{"title": "x", "tilte": "y"}')

    assert done.exit_code == 0
    for code in ("unknown_data", "javascript_off", "asset_blocked"):
        assert any(
            line.startswith("card.html: warning: ") and f"({code})" in line for line in done.stderr.splitlines()
        ), code
    assert "runs without `--javascript`; scripts will not run" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "data.json: cannot be read: No such file or directory; --data takes a JSON object, or a file with one"),
        ("[1]", "data.json: it is JSON, but not an object; --data takes a JSON object"),
        ('{"title": }', "data.json:1:11: it is not JSON: "),
        ("\udce9", "data.json: is not UTF-8 (byte 1); save it in that encoding"),
        ('{"title": "x"}', "data.json: missing required data: day; correct data.json, or leave --data out"),
        (
            '{"title": "x", "days": "2026-01-01"}',
            "data.json: missing required data: day; the data has `days`, which the template does not use; correct",
        ),
        ('{"title": "x", "day": "soon"}', "data.json: `day` must be a date in ISO 8601"),
    ],
)
def test_a_data_file_that_is_wrong_is_answered_in_one_line(desk: Path, text: str | None, message: str) -> None:
    """The line names the file and says what to do."""
    if text is not None:
        (desk / "data.json").write_bytes(text.encode(errors="surrogateescape"))
    done = preview("card.html", "--data", "data.json")
    errors = [line for line in done.stderr.splitlines() if not line.startswith("    ")]

    assert done.exit_code == 1
    assert len(errors) == 1
    assert errors[0].startswith(message)


def test_a_data_file_may_begin_with_a_byte_order_mark(desk: Path) -> None:
    """Editors of Windows write one."""
    (desk / "data.json").write_text('{"title": "x", "day": "2025-01-31"}', encoding="utf-8-sig")
    done = preview("card.html", "--data", "data.json")

    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["cards.html"], 1, "`cards.html` is no file, and no template version such as testimonial@3"),
        (["card.html", "--output", '{"width": 0}'], 1, "output field `width` is 0"),
        (["card.html", "--width", "100000"], 1, "output field `width` is 100000"),
        (["card.html", "--out", "missing/card.png"], 1, "missing/card.png cannot be written"),
        (["cards_latest", "--watch"], 2, "--watch: only for a FILE that is drawn here"),
        (["card.html", "--section", "a", "--timeout", "3"], 2, "--section, --timeout: only for what the workers draw"),
        (["card.html", "--source", "shop"], 2, "--source: only for what the workers draw"),
        (["card.html", "--data", ""], 2, "'--data': it is empty; it takes a JSON object, or a file with one"),
        (["card.html", "--data", "."], 1, ".: cannot be read: Is a directory; --data takes a JSON object"),
        ([], 2, "say what to preview: FILE, TEMPLATE_ID or --file"),
        (["card.html", "--file", "card.html"], 2, "say what to preview"),
    ],
)
@pytest.mark.usefixtures("desk")
def test_a_mistake_is_answered_with_a_sentence(arguments: list[str], code: int, message: str) -> None:
    """One clear sentence and a code that is not zero."""
    done = preview(*arguments)

    assert done.exit_code == code
    assert message in done.stderr


def line_with(stream: IO[str] | None, part: str) -> str:
    """Return the next line that has a part."""
    assert stream is not None
    return next(line for line in stream if part in line)


def save(file: Path, text: str) -> None:
    """Save a file in one step, so that it is one change."""
    new = file.with_suffix(".new")
    new.write_text(text, encoding="utf-8")
    new.replace(file)


def watching(desk: Path, *options: str) -> subprocess.Popen[str]:
    """Start a preview of the template that is drawn again after each save."""
    return subprocess.Popen(
        [sys.executable, "-m", "posters", "templates", "preview", "card.html", *options, "--watch"],
        cwd=desk,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_watching_draws_after_each_save_and_goes_on_after_errors(desk: Path) -> None:
    """A save of the template or the data gives a new picture in place; a mistake is printed; Ctrl-C ends it quietly."""
    template, data, picture = desk / "card.html", desk / "data.json", desk / "card.preview.png"
    data.write_text('{"title": "one", "day": "2025-01-31"}', encoding="utf-8")
    process = watching(desk, "--data", "data.json")
    try:
        line_with(process.stdout, "card.preview.png\t1080x1080")
        first = picture.read_bytes()
        save(template, "{% if %}")
        line_with(process.stderr, "card.html:1:")
        assert picture.read_bytes() == first
        save(template, HTML.replace("<p>", "<p style='color: red'>"))
        line_with(process.stdout, "card.preview.png")
        second = picture.read_bytes()
        save(data, '{"title": "two", "day": "2025-01-31"}')
        line_with(process.stdout, "card.preview.png")
        assert len({first, second, picture.read_bytes()}) == 3
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "Traceback" not in errors
    assert not list(desk.glob(".*"))


def test_watching_follows_a_link_to_its_file(desk: Path) -> None:
    """A save of the file that a link leads to, in another directory, and another target of the link are drawn."""
    shared = desk / "shared"
    shared.mkdir()
    (desk / "card.html").rename(shared / "card.html")
    (desk / "card.html").symlink_to(shared / "card.html")
    process = watching(desk)
    pictures = set()
    try:
        line_with(process.stdout, "card.preview.png\t1080x1080")
        pictures.add((desk / "card.preview.png").read_bytes())
        save(shared / "card.html", HTML.replace("<p>", "<p style='color: red'>"))
        line_with(process.stdout, "card.preview.png")
        pictures.add((desk / "card.preview.png").read_bytes())
        (shared / "other.html").write_text(HTML.replace("<p>", "<p style='color: blue'>"), encoding="utf-8")
        (desk / "new.link").symlink_to(shared / "other.html")
        (desk / "new.link").replace(desk / "card.html")
        line_with(process.stdout, "card.preview.png")
        pictures.add((desk / "card.preview.png").read_bytes())
        save(shared / "other.html", HTML)
        line_with(process.stdout, "card.preview.png")
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)

    assert len(pictures) == 3
    assert not (shared / "card.preview.png").exists()


def test_a_template_without_an_end_holds_up_neither_the_next_save_nor_ctrl_c(desk: Path) -> None:
    """Half a minute of processor time would be gone before the template is refused."""
    template = desk / "card.html"
    process = watching(desk)
    endless = "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}"
    try:
        line_with(process.stdout, "card.preview.png")
        save(template, endless)
        wait_until_busy(process.pid)
        save(template, HTML)
        line_with(process.stdout, "card.preview.png")
        save(template, endless)
        wait_until_busy(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "takes too long" not in errors
    assert "Traceback" not in errors


def wait_until_busy(pid: int) -> None:
    """Return once a sandbox process of `pid` has computed for a second."""
    parent = psutil.Process(pid)
    while True:
        for child in parent.children():
            with contextlib.suppress(psutil.Error):
                if "renderer.sandbox.child" in " ".join(child.cmdline()) and child.cpu_times().user > 1:
                    return
        time.sleep(0.05)
