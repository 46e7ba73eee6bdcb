"""`hyphens: auto`: dictionaries that Chromium reads, made of Liang's patterns, and a warning where one is missing."""

import re
import struct
import subprocess
import sys
from pathlib import Path

import pyphen
import pytest

from renderer.browser.chromium import find_chromium
from renderer.engine import Engine
from renderer.hyphenation import hyb
from renderer.hyphenation.dictionaries import (
    SOURCES,
    dictionaries_version,
    dictionary_for,
    directory_of,
    install_dictionaries,
    installed_dictionaries,
    missing_dictionaries,
    pattern_file,
)
from renderer.hyphenation.patterns import Pattern, read_patterns
from tests.renderer.drawing import draw, page, picture

ROOT = Path(__file__).parents[2]
WORDS = {
    "en_US": "extraordinary hyphenation internationalization unbelievable characteristically table",
    "fr": "anticonstitutionnellement développement extraordinaire aujourd'hui",
    "it_IT": "precipitevolissimevolmente straordinario",
    "nl_NL": "verzekeringsmaatschappij onafhankelijkheidsverklaring",
    "ru_RU": "достопримечательность предпринимательство",
    "sv": "upphovsrättsskyddad järnvägsstation",
}
SHOWN = {
    "de": "Do·nau·dampf·schiff·fahrts·ge·sell·schaft Bun·des·re·pu·blik",
    "en": "ex·tra·or·di·nary table",
    "fr": "ex·tra·or·di·naire dé·ve·lop·pe·ment",
    "es-MX": "ex·tra·or·di·na·rio",
}


def positions(data: bytes, word: str) -> list[int]:
    """Return where Liang's algorithm, run on the content of a file, hyphenates a word."""
    _, _, alphabet, trie, levels, _ = struct.unpack_from("<6I", data)
    mask, letter_bits, link_mask, shift = struct.unpack_from("<4I", data, trie + 4)
    codes = [0, *(_code(data, alphabet, letter) for letter in word), 0]
    found = [0] * (len(codes) + 1)
    for start in range(len(codes)):
        node = 0
        for end in range(start, len(codes)):
            (entry,) = struct.unpack_from("<I", data, trie + 24 + 4 * (node + codes[end]))
            if entry & mask != codes[end]:
                break
            node = (entry & link_mask) >> letter_bits
            (entry,) = struct.unpack_from("<I", data, trie + 24 + 4 * node)
            (place,) = struct.unpack_from("<I", data, levels + 16 + 4 * (entry >> shift))
            length, zeros, offset = place >> 26, place >> 20 & 63, place & 0xFFFFF
            (pool,) = struct.unpack_from("<I", data, levels + 8)
            for number, level in enumerate(data[levels + pool + offset :][:length]):
                gap = end + 1 - (length + zeros) + number + 1
                found[gap] = max(found[gap], level)
    return [gap - 1 for gap in range(3, len(codes) - 2) if found[gap] % 2]


def _code(data: bytes, alphabet: int, letter: str) -> int:
    version, first, last = struct.unpack_from("<3I", data, alphabet)
    if version == 0:
        return data[alphabet + 12 + ord(letter) - first] if first <= ord(letter) < last else 0
    entries: tuple[int, ...] = struct.unpack_from(f"<{first}I", data, alphabet + 8)
    return next(entry & 0x7FF for entry in entries if entry >> 11 == ord(letter))


@pytest.mark.parametrize("language", WORDS)
def test_encoded_patterns_hyphenate_as_pyphen_does(language: str) -> None:
    """In small and capital letters; with an apostrophe of either kind."""
    data = hyb.encode(read_patterns(pattern_file(language)))
    library = pyphen.Pyphen(lang=language, left=2, right=2)
    for word in WORDS[language].split():
        expected = library.positions(word)

        assert expected
        assert positions(data, word) == expected
        assert positions(data, word.upper()) == expected
        if "'" in word:
            assert positions(data, word.replace("'", "’")) == expected


def test_patterns_are_read_whatever_their_file_is_like(tmp_path: Path) -> None:
    """Its charset, comments, settings, bytes in hexadecimal; a pattern that changes the spelling is left out."""
    file = tmp_path / "x.dic"
    text = "ISO8859-1\n% a\n# b\nLEFTHYPHENMIN 2\nNEXTLEVEL\n.ä1b4c. % d\n^^e91x\nschif1fahrt/ff=f,5,2\n1b\n.ä1b4c.\n\n"
    file.write_bytes(text.encode("latin-1"))

    assert read_patterns(file) == [
        Pattern(".äbc.", bytes([0, 0, 1, 4, 0, 0])),
        Pattern("éx", bytes([0, 1, 0])),
        Pattern("b", bytes([1, 0])),
    ]


def test_rare_patterns_are_left_out_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those with common levels stay; where no choice fits, it is an error."""
    common = [Pattern(letters, bytes([0, 1, 0])) for letters in ("ab", "cd", "ef")]
    rare = [Pattern("gh", bytes([0, 3, 0])), Pattern("ij", bytes([0, 5, 0]))]
    monkeypatch.setattr(hyb, "_ENTRY_BITS", 4 + 4 + 2)
    monkeypatch.setattr(hyb, "_LISTS_MAX", (5, 1))
    data = hyb.encode(common + rare)

    assert positions(data, "xxabxx".replace("x", "d")) == [3]
    assert positions(data, "ddghdd") == []
    monkeypatch.setattr(hyb, "_ENTRY_BITS", 4)
    with pytest.raises(hyb.HybError):
        hyb.encode(common)


@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("de", "de-1996"),
        ("de-AT", "de-1996"),
        ("de-1901", "de-1901"),
        ("en", "en-us"),
        ("EN-us", "en-us"),
        ("en-PR-x-y", "en-us"),
        ("en-AU", "en-gb"),
        ("fr-CA", "fr"),
        ("no", "nb"),
        ("sr-Latn", "sr"),
        ("fi", "fi"),
        ("ja", None),
        ("zh-Hant", None),
        ("ar-EG", None),
    ],
)
def test_language_takes_the_dictionary_that_chromium_takes(language: str, name: str | None) -> None:
    """By its tag in any case, or the beginning of it that has one; languages that do not hyphenate take none."""
    assert dictionary_for(language) == name


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("language", SHOWN)
async def test_chromium_hyphenates(engine: Engine, language: str) -> None:
    """A text looks as if it had a soft hyphen at each place, whatever the width of its box."""
    whole, soft = SHOWN[language].replace("·", ""), SHOWN[language].replace("·", "&shy;")
    for width in (60, 90):
        style = f"p{{margin:0;font:16px serif;width:{width}px;hyphens:"
        ours, expected, unbroken = [
            await picture(engine, page(f"<p lang={language}>{text}</p>", f"{style}{value}}}"), width=300, height=400)
            for text, value in ((whole, "auto"), (soft, "manual"), (whole, "manual"))
        ]

        assert ours.tobytes() == expected.tobytes()
        assert width > 60 or ours.tobytes() != unbroken.tobytes()


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("body", "named"),
    [
        ("<p lang=fi>lentokonesuihku</p>", "`fi`"),
        ("<p lang=xx-YY>wordword</p><p lang=fi>lentokonesuihku</p>", "`xx-YY`"),
        ("<p>extraordinary</p>", None),
        ("<p lang=''>extraordinary</p>", "no language"),
        ("<p lang=de-CH>Versicherung</p>", None),
        ("<p lang=ja>素晴らしいサービス Posterstream</p>", None),
        ("<p lang=fi>12345678 素晴らしいサービス abc</p>", None),
        ("<p lang=fi hidden>lentokonesuihku</p>", None),
        ("<p lang=fi style='hyphens:manual'>lentokonesuihku</p>", None),
        ("<p lang=en>fine<iframe srcdoc='<p lang=fi style=hyphens:auto>lentokonesuihku'></iframe></p>", "`fi`"),
    ],
)
async def test_a_language_without_a_dictionary_is_named(engine: Engine, body: str, named: str | None) -> None:
    """Where a text with a word that could be hyphenated is shown, and its language is one that hyphenates."""
    warnings = (await draw(engine, page(body, "p{hyphens:auto}"))).warnings

    assert [warning.code for warning in warnings] == (["hyphenation_missing"] if named else [])
    assert all(str(named) in warning.message for warning in warnings)


def test_dictionaries_are_installed(tmp_path: Path) -> None:
    """This machine's browser has them all; another one gets what the patterns encode to, and a version of it."""
    browser = find_chromium(None)
    small = {"eu", "it"}
    assert missing_dictionaries(browser) == []
    fake = tmp_path / "browser"
    fake.touch()
    assert missing_dictionaries(fake) == sorted(SOURCES)
    assert dictionaries_version(fake) == ""
    with pytest.MonkeyPatch.context() as patch:
        for name in SOURCES.keys() - small:
            patch.delitem(SOURCES, name)
        written = install_dictionaries(directory_of(fake))

    assert installed_dictionaries(fake) == small
    assert [file.name for file in written] == ["hyph-eu.hyb", "hyph-it.hyb"]
    assert written[0].read_bytes() == hyb.encode(read_patterns(pattern_file("eu")))
    assert re.fullmatch(r"[0-9a-f]{8}", dictionaries_version(fake))


def test_dictionaries_that_cannot_be_written_are_an_error_in_a_sentence(tmp_path: Path) -> None:
    """The command ends with 1 and says what is wrong."""
    (tmp_path / "file").touch()
    command = [sys.executable, "-m", "renderer.hyphenation", str(tmp_path / "file" / "x")]
    run = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)

    assert run.returncode == 1
    assert run.stderr.startswith("posters: the hyphenation dictionaries are not installed: ")


def test_docs_name_the_languages() -> None:
    """docs/fonts.md has every language of the dictionaries."""
    text = (ROOT / "docs" / "fonts.md").read_text(encoding="utf-8")
    sentence = text[text.index("There are dictionaries for") : text.index("`en` is American")]
    named = {dictionary_for(language) for language in re.findall(r"`([\w-]+)`", sentence)}

    assert named | {"en-gb"} == SOURCES.keys()
