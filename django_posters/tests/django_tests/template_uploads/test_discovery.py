"""collect_poster_templates: the template files of the installed apps."""

import json
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django_posters.models import OutboxEvent, TemplateCommand

from django_tests.site import Site
from schemas.codec import decode
from schemas.templates import PlaceholderDeclaration, TemplateUpload


def sent() -> dict[str, TemplateUpload]:
    """Return the uploads in the outbox by section."""
    events = [decode(bytes(row.value), TemplateUpload) for row in OutboxEvent.objects.all()]
    return {event.section: event for event in events}


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder `posters` of an app that is installed after the example's app."""
    monkeypatch.setattr(apps.get_app_config("auth"), "path", str(tmp_path / "first"))
    monkeypatch.setattr(apps.get_app_config("testimonials"), "path", str(tmp_path / "second"))
    for name in ("first", "second"):
        (tmp_path / name / "posters").mkdir(parents=True)
    return tmp_path


def test_templates_of_the_apps_are_uploaded(any_site: Site) -> None:
    """The example's template is written to the outbox under its file's name, as active."""
    call_command("collect_poster_templates", verbosity=0)

    [upload] = sent().values()
    assert (upload.section, upload.name, upload.set_as_active) == ("testimonial", "testimonial", True)
    assert "{{ language }}" in upload.html_content
    assert TemplateCommand.objects.get().html_content == upload.html_content


def test_first_app_has_its_way(any_site: Site, app: Path) -> None:
    """Of two apps with the same section the one installed first wins, as with static files."""
    (app / "first" / "posters" / "a.html").write_text("first")
    (app / "second" / "posters" / "a.html").write_text("second")
    (app / "second" / "posters" / "b.html").write_text("“b”", encoding="utf-8")

    call_command("collect_poster_templates", "--inactive", verbosity=0)

    assert {section: upload.html_content for section, upload in sent().items()} == {"a": "first", "b": "“b”"}
    assert not any(upload.set_as_active for upload in sent().values())


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("Quote.html", b"<p>", "the section cannot be `Quote`"),
        ("quote.html", b"\xff", "cannot be read"),
        ("quote.html", b" \n", "the HTML is empty"),
        ("quote.html", b"a\0b", r"holds U\+0000"),
        ("quote.html", b"x" * (1024 * 1024 + 1), "1,048,576 are allowed"),
    ],
)
def test_one_bad_template_stops_all(any_site: Site, app: Path, name: str, content: bytes, message: str) -> None:
    """An invalid file is named in the error, and nothing is uploaded."""
    (app / "first" / "posters" / "a.html").write_text("good")
    (app / "second" / "posters" / name).write_bytes(content)

    with pytest.raises(CommandError, match=rf"{name}.*{message}"):
        call_command("collect_poster_templates")

    assert not OutboxEvent.objects.exists()
    assert not TemplateCommand.objects.exists()


def test_options_stand_in_a_file_beside_the_template(plain_site: Site, app: Path) -> None:
    """`<section>.json` beside the HTML has name, size, output, scripts and declarations of the upload."""
    (app / "first" / "posters" / "quote.html").write_text("<p>{{ seats }}</p>")
    seats = {"name": "seats", "data_type": "number", "sample_value": 40}
    options = {"name": "Quotes", "width": 1200, "height": 630, "javascript": True, "placeholders": [seats]}
    options["output"] = {"format": "jpeg"}
    (app / "first" / "posters" / "quote.json").write_text(json.dumps(options))

    call_command("collect_poster_templates", verbosity=0)

    [upload] = sent().values()
    assert (upload.name, upload.width, upload.height, upload.output) == ("Quotes", 1200, 630, {"format": "jpeg"})
    assert upload.javascript
    assert upload.placeholders == [PlaceholderDeclaration(**seats)]  # type: ignore[arg-type]


def test_use_by_other_sites_is_that_of_the_file_or_else_of_the_command(plain_site: Site, app: Path) -> None:
    """`shared` and `private` of `<section>.json` decide; the options are for the other templates."""
    for name in ("own", "other"):
        (app / "first" / "posters" / f"{name}.html").write_text(f"<p>{name}</p>")
    (app / "first" / "posters" / "own.json").write_text('{"private": false}')

    call_command("collect_poster_templates", "--private", verbosity=0)

    assert {section: (upload.shared, upload.private) for section, upload in sent().items()} == {
        "own": (None, False),
        "other": (None, True),
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "cannot be read: Expected `object`"),
        ('{"widht": 5}', "has widht, but only name, width"),
        ('{"width": "wide"}', "cannot be read: Expected `int | null`"),
        ('{"output": {"format": "gif"}}', "cannot have this size or output"),
        ('{"placeholders": [{"sample_value": 1}]}', "the placeholders cannot be read: .*`name`"),
    ],
)
def test_bad_options_stop_all(plain_site: Site, app: Path, content: str, message: str) -> None:
    """What the file of options cannot say is an error, and nothing is uploaded."""
    (app / "first" / "posters" / "a.html").write_text("good")
    (app / "first" / "posters" / "a.json").write_text(content)

    with pytest.raises(CommandError, match=message):
        call_command("collect_poster_templates")

    assert not OutboxEvent.objects.exists()


def test_options_without_a_template_are_named(plain_site: Site, app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A JSON file whose name has a slip of the pen would silently leave the options out: the command names it."""
    (app / "first" / "posters" / "quote.html").write_text("<p>")
    (app / "first" / "posters" / "quotes.json").write_text('{"javascript": true}')

    call_command("collect_poster_templates")

    printed = capsys.readouterr()
    assert f"{app / 'first' / 'posters' / 'quotes.json'} is not read: there is no quotes.html beside it" in printed.err
    assert "1 template is in the outbox" in printed.out


def test_template_in_another_place_is_named(plain_site: Site, app: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where no template is found, the command says where it looks and names a file among Django's templates."""
    elsewhere = app / "first" / "templates" / "posters" / "quote.html"
    elsewhere.parent.mkdir(parents=True)
    elsewhere.write_text("<p>")

    call_command("collect_poster_templates")

    error = capsys.readouterr().err
    assert "posters/<section>.html beside the models.py of an installed app" in error
    assert f"{elsewhere} is not there" in error
