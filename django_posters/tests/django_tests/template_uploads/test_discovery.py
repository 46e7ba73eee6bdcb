"""collect_poster_templates: the template files of the installed apps."""

from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django_posters.models import OutboxEvent, TemplateCommand

from django_tests.site import Site
from schemas.codec import decode
from schemas.templates import TemplateUpload


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
