"""Translations: every text of the admin is in every language that the package has, and the pages use it."""

import ast
import gettext
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.utils.translation.template import templatize
from django_posters.labels import FIELDS, MODELS
from django_posters.models import DeadLetterEvent, Job, OutboxEvent, Poster, PosterTemplate, TemplateCommand

import django_posters
from django_posters import request_poster
from django_tests.site import Site, make_testimonial

PACKAGE = Path(django_posters.__file__).parent
LANGUAGES = sorted(path.name for path in (PACKAGE / "locale").iterdir())
FUNCTIONS = {"_": 1, "gettext": 1, "gettext_lazy": 1, "ngettext": 2, "ngettext_lazy": 2}
HOLES = re.compile(r"%\(\w+\)[sd]|\{\w+\}|<\w+>|`[^`]+`")


def texts_of(source: str) -> Iterator[tuple[str, ...]]:
    """Return the texts that a module has translated: the singular, and the plural where there is one."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FUNCTIONS:
            texts = [ast.literal_eval(argument) for argument in node.args[: FUNCTIONS[node.func.id]]]
            assert all(isinstance(text, str) for text in texts), ast.unparse(node)
            yield tuple(texts)


def wanted() -> set[tuple[str, ...]]:
    """Return every text of the package that is translated."""
    modules = [
        path for path in PACKAGE.rglob("*.py") if "contract" not in path.parts and "migrations" not in path.parts
    ]
    found = {texts for path in modules for texts in texts_of(path.read_text(encoding="utf-8"))}
    for page in PACKAGE.rglob("templates/**/*.html"):
        # The calls that `makemessages` reads from a template.
        calls = re.findall(
            r"(?<!\w)gettext\(u?('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\)|_\((\"[^\"]*\"|'[^']*')\)",
            templatize(page.read_text(encoding="utf-8")),
        )
        found |= {(ast.literal_eval(first or second),) for first, second in calls}
    return found


def compiled(language: str) -> dict[str | tuple[str, int], str]:
    """Return the compiled texts of a language."""
    with (PACKAGE / "locale" / language / "LC_MESSAGES" / "django.mo").open("rb") as file:
        catalog: dict[str | tuple[str, int], str] = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    return {key: text for key, text in catalog.items() if key}


def written(language: str) -> dict[str | tuple[str, int], str]:
    """Return the texts of a language as the translators' file has them."""
    source = (PACKAGE / "locale" / language / "LC_MESSAGES" / "django.po").read_text(encoding="utf-8")
    assert "fuzzy" not in source
    found: dict[str | tuple[str, int], str] = {}
    for entry in source.split("\n\n"):
        fields = {
            name: "".join(ast.literal_eval(line) for line in lines.splitlines())
            for name, lines in re.findall(r'^(msg[\w\[\]]+) ((?:"[^\n]*"\n?)+)', entry, re.MULTILINE)
        }
        if not fields.get("msgid"):
            continue
        if "msgid_plural" in fields:
            found |= {(fields["msgid"], number): fields[f"msgstr[{number}]"] for number in (0, 1)}
        else:
            found[fields["msgid"]] = fields["msgstr"]
    return found


def test_languages_are_complete() -> None:
    """No text is missing in a language, none is empty, and none is left that the package no longer has."""
    expected = {
        key for texts in wanted() for key in ([texts[0]] if len(texts) == 1 else [(texts[0], 0), (texts[0], 1)])
    }

    assert LANGUAGES == ["de"]
    for language in LANGUAGES:
        translated = compiled(language)
        assert translated.keys() == expected
        assert all(translated.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_file_is_that_of_the_written_one(language: str) -> None:
    """The compiled file, which the wheel holds, has the texts of the file that translators edit."""
    assert compiled(language) == written(language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_values_and_commands_stay_in_the_texts(language: str) -> None:
    """A translation has the same values, elements and commands in it as its original."""
    for key, text in compiled(language).items():
        original = key if isinstance(key, str) else key[0]
        assert sorted(HOLES.findall(text)) == sorted(HOLES.findall(original)), original


def test_models_and_fields_have_labels() -> None:
    """Every model has a label, and so has every field that a page of the admin shows."""
    models = (Job, Poster, PosterTemplate, TemplateCommand, OutboxEvent, DeadLetterEvent)
    hidden = {"announced", "css_height", "css_width", "digest", "html_content", "html_sha256", "poster_index"}
    hidden |= {"activations", "command_id", "revision", "value", "variant_sizes"}
    hidden |= {"request_records", "outcome_partition", "outcome_offset", "erasure_announced"}

    assert {model.__name__ for model in models} == MODELS.keys()
    fields = {field.name for model in models for field in model._meta.local_fields}
    assert fields - FIELDS.keys() == hidden & fields
    assert FIELDS.keys() <= fields


def test_admin_speaks_german(plain_site: Site) -> None:
    """On a German site lists, statuses, actions and the editor are German."""
    request_poster(make_testimonial())
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))

    with override_settings(LANGUAGE_CODE="de"):
        posters = client.get("/admin/posters/poster/").content.decode()
        editor = client.get("/admin/posters/postertemplate/add/").content.decode()
        refused = client.post("/admin/posters/postertemplate/commands/", {"kind": "delete"}).json()

    assert ">wartend</b>" in posters
    assert "Ausgewählte Poster neu anfordern" in posters
    assert "Alternativtext" not in posters
    assert "Als nächste Version speichern" not in editor
    assert ">Hochladen</button>" in editor
    assert "Beispieldaten" in editor
    assert refused["errors"][0]["message"] == "diese Vorlage gibt es nicht; bitte die Seite neu laden"
