"""Every language comes out as glyphs, and characters that no font draws are reported."""

import re
import shutil
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from renderer.browser.chromium import find_chromium
from renderer.engine import Engine
from renderer.fonts.character_map import characters
from renderer.fonts.font_set import FONT_CONFIGURATION, FONT_PACKAGES, FontSet, font_files, font_set_version, read_fonts
from renderer.fonts.tables import FontError
from renderer.hyphenation.dictionaries import dictionaries_version
from tests.renderer.drawing import draw, page

TEXTS = {
    "latin": "Zażółć gęślą jaźń, naïve façade, İstanbul, Đặng",
    "greek": "Γειά σου Κόσμε",
    "cyrillic": "Съешь ещё этих мягких булок, ґєїў",
    "japanese": "素晴らしいサービス、々〆ヶ",
    "simplified chinese": "非常好的服务，强烈推荐",
    "traditional chinese": "非常好的服務，強烈推薦",
    "korean": "정말 훌륭한 서비스",
    "arabic": "شكرا جزيلا لكم، ١٢٣",
    "hebrew": "תודה רבה לכם",
    "hindi": "बहुत बढ़िया सेवा ₹१२३",
    "bengali": "চমৎকার সেবা",
    "tamil": "அருமையான சேவை",
    "telugu": "అద్భుతమైన సేవ",
    "thai": "บริการดีเยี่ยม",
    "lao": "ບໍລິການດີ",
    "khmer": "សេវាកម្មល្អ",
    "georgian": "შესანიშნავი",
    "armenian": "Հիանալի",
    "ethiopic": "በጣም ጥሩ",
    "emoji": "😀🎉❤️👩‍👩‍👧🇩🇪👍🏽1️⃣☺︎",
    "symbols": "★☆✓✗→⇒∑√≈½€₿™№♥♪",
    "punctuation": "“„”‘’«»—–…•·¿¡\u00a0\u200b\u200d\u2060",
}


@pytest.fixture(scope="module")
def fonts() -> FontSet:
    """The fonts of this machine under the pinned configuration."""
    return read_fonts()


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
async def test_language_is_drawn(engine: Engine, text: str) -> None:
    """A text of each script has a glyph for every character."""
    rendering = await draw(engine, page(f"<p>{text}</p><p style='font-family:serif'>{text}</p>"))

    assert rendering.warnings == []


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(("character", "name"), [("\ue000", "U+E000"), ("\U0010fffd", "U+10FFFD"), ("͸", "U+0378")])
async def test_character_without_a_glyph_is_reported(engine: Engine, character: str, name: str) -> None:
    """A character that no font draws is named in a warning; one that is not shown is not."""
    shown = await draw(engine, page(f"<p>before {character} after</p>"))
    hidden = await draw(engine, page(f"<p hidden>{character}</p><style>/*{character}*/</style><p>x</p>"))

    assert [(warning.code, name in warning.message) for warning in shown.warnings] == [("missing_glyphs", True)]
    assert hidden.warnings == []


@pytest.mark.asyncio(loop_scope="session")
async def test_chromium_agrees_with_the_coverage(engine: Engine, fonts: FontSet) -> None:
    """A character that is reported looks like every other missing one; one that is not, does not."""
    box = (await draw(engine, page("<p>\u0378</p>"))).images[0].data
    for character in "\u0379\U0010fffd":
        assert fonts.missing(character) == character
        assert (await draw(engine, page(f"<p>{character}</p>"))).images[0].data == box
    for character in "éЖ素شת★😀ก":
        assert fonts.missing(character) == ""
        assert (await draw(engine, page(f"<p>{character}</p>"))).images[0].data != box


def test_only_the_pinned_families_are_used() -> None:
    """Of the machine's fonts the configuration takes those of the listed packages, and what a site installs itself."""
    names = re.findall(r"^fonts-[\w-]+ +(\S+?)[.-]?$", FONT_PACKAGES.read_text(), re.MULTILINE)
    starts = ("Noto", "DejaVu", "Liberation", "Roboto", "texgyre", *names)
    strange = [
        file for file in font_files() if not file.name.startswith(starts) and not str(file).startswith("/usr/local/")
    ]

    assert strange == []
    assert len(font_files()) > 100


def test_version_follows_fonts_and_configuration(tmp_path: Path) -> None:
    """The font-set version changes with a font's content, with the set and with the configuration, and else not."""
    first, *_ = font_files()
    copy, changed = tmp_path / first.name, tmp_path / "changed" / first.name
    shutil.copy(first, copy)
    changed.parent.mkdir()
    content = bytearray(first.read_bytes())
    content[20] ^= 1
    changed.write_bytes(content)
    configuration = tmp_path / "fonts.conf"
    configuration.write_bytes(FONT_CONFIGURATION.read_bytes() + b"<!-- -->")
    versions = [
        font_set_version([first]),
        font_set_version([changed]),
        font_set_version([first, changed]),
        font_set_version([first], configuration),
    ]

    assert len(set(versions)) == 4
    assert font_set_version([copy]) == versions[0]


@pytest.mark.asyncio(loop_scope="session")
async def test_fingerprint_names_what_decides_the_pixels(engine: Engine, fonts: FontSet) -> None:
    """The fingerprint holds our version, Chromium's, the font set's and that of the hyphenation dictionaries."""
    ours, browser, font_set, hyphenation = engine.fingerprint.split("-")

    assert ours.isdigit()
    assert browser.count(".") == 3
    assert font_set == fonts.version
    assert hyphenation == dictionaries_version(find_chromium(None))


def test_unreadable_font_is_no_reason_to_fail(tmp_path: Path) -> None:
    """A broken font file is left out of the coverage, with a warning, and the rest is read."""
    good = next(file for file in font_files() if file.name == "NotoSans-Regular.ttf")
    shutil.copy(good, tmp_path / good.name)
    (tmp_path / "Broken.ttf").write_bytes(b"no font")
    configuration = tmp_path / "fonts.conf"
    configuration.write_text(
        f"<fontconfig><dir>{tmp_path}</dir>"
        f"<selectfont><acceptfont><glob>{tmp_path}/*</glob></acceptfont></selectfont></fontconfig>"
    )

    assert read_fonts(configuration).missing("aЖ素") == "素"


def test_coverage_is_what_a_library_finds() -> None:
    """In every file of the machine, of whatever kind its table is; a glyph that stands for what is missing is none."""
    for file in font_files():
        with TTFont(file, lazy=True, fontNumber=0) as font:
            missing = font.getGlyphOrder()[0]
            found = {point for point, glyph in (font.getBestCmap() or {}).items() if glyph != missing}

        assert {point for points in characters(file) for point in points} == found, file


def test_a_private_use_character_is_missing_whoever_has_it(fonts: FontSet) -> None:
    """An icon whose font is missing would be drawn as another font's private glyph."""
    having = [file for file in font_files() if any(0xE000 in points for points in characters(file))]

    assert having
    assert fonts.missing("\ue000") == "\ue000"


@pytest.mark.parametrize("length", [0, 3, 12, 40, 300, 2000])
def test_a_font_that_ends_too_soon_is_an_error(tmp_path: Path, length: int) -> None:
    """Wherever it ends; the error is one that is foreseen."""
    whole = next(file for file in font_files() if file.name == "NotoSans-Regular.ttf").read_bytes()
    (tmp_path / "short.ttf").write_bytes(whole[:length])

    with pytest.raises(FontError):
        list(characters(tmp_path / "short.ttf"))
