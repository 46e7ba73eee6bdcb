"""Families are drawn as themselves or as their stand-ins, in every language, and those that nobody has are named."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from renderer.engine import Engine
from renderer.fonts.families import family_names, stand_ins
from renderer.fonts.font_set import FONT_CONFIGURATION, FONT_PACKAGES, font_files, missing_packages, read_fonts
from renderer.fonts.tables import FontError
from tests.renderer.drawing import draw, image_url, page
from tests.renderer.platform_fonts import PlatformFonts, open_platform_fonts

ROOT = Path(__file__).parents[2]

FACES = [
    ("", "LiberationSerif"),
    ("font-family: serif", "LiberationSerif"),
    ("font-family: sans-serif", "LiberationSans"),
    ("font-family: monospace", "DejaVuSansMono"),
    ("font-family: cursive", "ComicNeue-Regular"),
    ("font-family: fantasy", "RobotoCondensed-Bold"),
    ("font-family: system-ui", "NotoSans-Regular"),
    ("font-family: math", "NotoSansMath-Regular"),
    ("font-family: ui-serif", "LiberationSerif"),
    ("font-family: ui-monospace", "DejaVuSansMono"),
    ("font-family: -apple-system, BlinkMacSystemFont, 'Segoe UI', Roboto", "NotoSans-Regular"),
    ("font: 30px Georgia", "CharisSIL"),
    ("font: italic bold 30px Georgia", "CharisSIL-BoldItalic"),
    ("font: 30px 'Times New Roman'", "LiberationSerif"),
    ("font: bold 30px Times", "LiberationSerif-Bold"),
    ("font: 30px Verdana", "DejaVuSans"),
    ("font: italic 30px Verdana", "DejaVuSans-Oblique"),
    ("font: 30px Tahoma", "DejaVuSansCondensed"),
    ("font: 30px 'Courier New'", "LiberationMono"),
    ("font: italic 30px arial", "LiberationSans-Italic"),
    ("font: 30px Helvetica", "LiberationSans"),
    ("font: bold 30px 'Arial Narrow'", "TeXGyreHerosCondensed-Bold"),
    ("font: 30px 'Arial Black'", "OpenSans-Extrabold"),
    ("font: 30px Impact", "RobotoCondensed-Bold"),
    ("font: 30px Cambria", "Caladea-Regular"),
    ("font: bold 30px Calibri", "Carlito-Bold"),
    ("font: 30px 'Trebuchet MS'", "Lato-Regular"),
    ("font: 30px 'Palatino Linotype'", "TeXGyrePagella-Regular"),
    ("font: 30px 'Comic Sans MS'", "ComicNeue-Regular"),
    ("font: 500 30px Roboto", "Roboto-Medium"),
    ("font: 900 30px Inter", "Inter-Black"),
    ("font: 600 30px 'Open Sans'", "OpenSans-Semibold"),
    ("font: 300 30px Lato", "Lato-Light"),
    ("font: bold 30px 'Noto Serif JP'", "NotoSerifCJKjp-Bold"),
    ("font: 30px 'Noto Sans KR'", "NotoSansCJKkr-Regular"),
    ("font: 30px '微软雅黑'", "NotoSansCJKsc-Regular"),
    ("font: 30px No-such-family, Georgia", "CharisSIL"),
    ("font: 30px No-such-family", "LiberationSerif"),
]
REGIONS = {"ja": "jp", "zh-Hans": "sc", "zh-CN": "sc", "zh-Hant": "tc", "zh-TW": "tc", "ko": "kr"}
BOLD_SCRIPTS = [
    ("ar", "شكرا", "NotoSansArabic-Bold"),
    ("he", "תודה", "NotoSansHebrew-Bold"),
    ("hi", "धन्यवाद", "NotoSansDevanagari-Bold"),
    ("th", "ขอบคุณ", "NotoSansThai-Bold"),
    ("ta", "நன்றி", "NotoSansTamil-Bold"),
    ("ka", "გმადლობ", "NotoSansGeorgian-Bold"),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def chromium() -> AsyncIterator[PlatformFonts]:
    """A page that says what its texts are drawn with."""
    async with open_platform_fonts() as fonts:
        yield fonts


@pytest.mark.asyncio(loop_scope="session")
async def test_families_have_their_faces(chromium: PlatformFonts) -> None:
    """Families of systems and of the web, generic ones, and text without a family, in weight and slant."""
    found = await chromium.of([("en", style, "Hamburg") for style, _ in FACES])

    assert dict(zip((style for style, _ in FACES), found, strict=True)) == {style: [face] for style, face in FACES}


@pytest.mark.asyncio(loop_scope="session")
async def test_every_stand_in_is_what_chromium_draws(chromium: PlatformFonts) -> None:
    """Each alias of the configuration is drawn in the same font as the family that it prefers."""
    # `sans` and `system-ui` are words of Chromium and CSS, and `emoji` and `math` have few letters.
    pairs = [pair for pair in stand_ins(FONT_CONFIGURATION).items() if pair[1] != "Noto Color Emoji"]
    weights = {"Impact": 700, "Haettenschweiler": 700, "fantasy": 700, "Arial Black": 800}
    texts = [
        ("en", f"font-family: '{family}'; font-weight: {weights.get(name, 400)}", "Ag5")
        for name, target in pairs
        for family in (name, target)
    ]
    found = await chromium.of(texts)

    assert len(pairs) > 150
    assert {
        name for (name, _), ours, theirs in zip(pairs, found[::2], found[1::2], strict=True) if ours != theirs
    } == set()
    assert {target for (_, target), fonts in zip(pairs, found[1::2], strict=True) if fonts == ["LiberationSerif"]} == {
        "Liberation Serif"
    }


@pytest.mark.asyncio(loop_scope="session")
async def test_chinese_japanese_and_korean_have_true_faces(chromium: PlatformFonts) -> None:
    """The language decides on the shapes, serif is serif, and bold is a font of its own, not a thickened one."""
    kinds = {
        "": "Sans",
        "font-family: serif": "Serif",
        "font-family: sans-serif": "Sans",
        "font-family: monospace": "SansMono",
    }
    cases = [
        (lang, f"{style}; font-weight: {weight}", f"Noto{kind}CJK{region}-{face}")
        for lang, region in REGIONS.items()
        for style, kind in kinds.items()
        for weight, face in ((400, "Regular"), (700, "Bold"))
    ]
    cases += [
        (lang, f"font: bold 20px {family}", f"NotoSansCJK{region}-Bold")
        for lang, region in REGIONS.items()
        for family in ("Arial", "Georgia", "No-such-family")
    ]
    found = await chromium.of([(lang, style, "骨한") for lang, style, _ in cases])

    assert [case for case, fonts in zip(cases, found, strict=True) if fonts != [case[2]]] == []


@pytest.mark.asyncio(loop_scope="session")
async def test_bold_of_other_scripts_is_true(chromium: PlatformFonts) -> None:
    """A text in its own language is bold in a bold font, whichever family it names."""
    texts = [
        (lang, f"font: bold 20px {family}", text) for lang, text, _ in BOLD_SCRIPTS for family in ("Arial", "serif")
    ]
    found = await chromium.of(texts)

    assert found == [[face] for _, _, face in BOLD_SCRIPTS for _ in range(2)]


@pytest.mark.asyncio(loop_scope="session")
async def test_families_that_are_taken_for_installed_are(chromium: PlatformFonts) -> None:
    """Chromium draws each installed family that has Latin letters, and none of names that only look alike."""
    installed = {
        name
        for file in font_files()
        if not file.name.startswith("Noto")
        for name in family_names(file)
        if name.isascii()
    }
    families = sorted(installed - {"Liberation Serif"})
    strange = ["LiberationSans", "Noto  Sans", "Lato-Bold", "Roboto Bold"]
    found = await chromium.of([("en", f"font-family: '{family}'", "Ag5") for family in (*families, *strange)])
    fallback = ["LiberationSerif"]

    assert len(families) > 40
    assert [family for family, fonts in zip(families, found, strict=False) if fonts == fallback] == []
    assert found[len(families) :] == [fallback] * len(strange)
    assert read_fonts().missing_families([[name] for name in strange]) == strange


@pytest.mark.asyncio(loop_scope="session")
@pytest.mark.parametrize(
    ("style", "missing"),
    [
        ("font-family: Poppins", "Poppins"),
        ("font-family: 'Söhne Mono', POPPINS, Georgia, Futura-X", "Söhne Mono, POPPINS"),
        ("font-family: 'No, such \\'one\\'', serif", "No, such 'one'"),
        ("font-family: Arial, Poppins", None),
        ("font-family: 'noto serif jp'", None),
        ("font-family: system-ui, Poppins", None),
        ("font-family: Block, Poppins", None),
        ("font-family: Poppins, Block", "Poppins"),
        ("font-family: Local, serif", "Local"),
    ],
)
async def test_a_family_that_nobody_has_is_named(
    engine: Engine, pixel_font: str, style: str, missing: str | None
) -> None:
    """Named are the families before the first that there is: installed, mapped to one, generic or of the document."""
    faces = (
        f"@font-face{{font-family:Block;src:url({pixel_font})}}"
        "@font-face{font-family:Local;src:local('No such font')}"
    )
    warnings = (await draw(engine, page("<p class=x>X</p>", f"{faces}.x{{{style}}}"))).warnings

    assert [(warning.code, warning.message.rpartition(": ")[2]) for warning in warnings] == (
        [("font_missing", missing)] if missing else []
    )


@pytest.mark.asyncio(loop_scope="session")
async def test_a_broken_font_of_the_document_has_one_warning(engine: Engine) -> None:
    """Its family is named as what cannot be read, and not as missing as well."""
    face = "@font-face{font-family:Broken;src:url(data:font/woff2;base64,AAAA)}"
    warnings = (await draw(engine, page("<p class=x>X</p>", f"{face}.x{{font-family:Broken,Nobody,serif}}"))).warnings

    assert [(warning.code, warning.message.rpartition(": ")[2]) for warning in warnings] == [
        ("asset_invalid", "font Broken"),
        ("font_missing", "Nobody"),
    ]


@pytest.mark.asyncio(loop_scope="session")
async def test_a_font_that_was_not_fetched_is_an_asset_that_is_missing(engine: Engine) -> None:
    """Its address is named, and its family not a second time; another family that nobody has is."""
    face = "@font-face{font-family:Net;src:url(https://example.com/net.woff2)}"
    warnings = (
        await draw(engine, page("<p style='font-family:Net'>x</p><p style='font-family:Poppins'>x</p>", face))
    ).warnings

    assert [warning.code for warning in warnings] == ["asset_blocked", "font_missing"]
    assert warnings[1].message.endswith(": Poppins")


@pytest.mark.asyncio(loop_scope="session")
async def test_families_are_named_once_and_not_all(engine: Engine) -> None:
    """Of many families five are named, a long name is cut, and what is not shown is not asked for."""
    shown = "".join(f"<p style='font-family:Family{number}'>x</p>" * 2 for number in range(7))
    hidden = "<p hidden style='font-family:Hidden'>x</p><p style='font-family:Empty'> </p><style>/*x*/</style>"
    long = f"<p style='font-family:{'L' * 100}'>x</p>"
    many = (await draw(engine, page(shown + hidden))).warnings
    one = (await draw(engine, page(long + hidden))).warnings

    assert [warning.message.rpartition(": ")[2] for warning in many] == [
        "Family0, Family1, Family2, Family3, Family4 and 2 more"
    ]
    assert [warning.message.rpartition(": ")[2] for warning in one] == ["L" * 59 + "…"]


OTHER_TEXTS = {
    "before": "<style>i::before{content:'\\f007';font-family:Poppins}</style><i></i>",
    "old before": "<style>i:before{content:'x';font-family:Poppins}</style><i></i>",
    "inherited after": "<style>b{font-family:Poppins}b::after{content:counter(b)}</style><b></b>",
    "attribute": "<style>b::after{content:attr(title);font:9px Poppins}</style><b title=x></b>",
    "marker": "<style>li::marker{font-family:Poppins}</style><ol><li>x</ol>",
    "marker of a list": "<ol style='font-family:Poppins'><li><b style='font-family:Arial'>x</b></ol>",
    "first letter": "<style>p::first-letter{font-family:Poppins}</style><p><b>x</b></p>",
    "first line": "<style>p::first-line{font-family:Poppins}</style><p>x</p>",
    "value": "<input value=x style='font-family:Poppins'>",
    "placeholder": "<style>::placeholder{font-family:Poppins}</style><input placeholder=x>",
    "placeholder of an area": "<textarea placeholder=x style='font-family:Poppins'></textarea>",
    "value of an area": "<script></script><textarea style='font-family:Poppins'>x</textarea>",
    "choice": "<select style='font-family:Poppins'><option>x</select>",
    "button": "<input type=submit style='font-family:Poppins'>",
}
NO_TEXTS = {
    "empty before": "<style>i::before{content:'';font-family:Poppins}</style><i>x</i>",
    "no content": "<style>i::before{font-family:Poppins}</style><i>x</i>",
    "image": f"<style>i::before{{content:url({image_url('red')}) / 'x';font-family:Poppins}}</style><i>x</i>",
    "before that is not shown": "<style>i::before{content:'x';display:none;font-family:Poppins}</style><i>x</i>",
    "hidden": "<style>i::before{content:'x';font-family:Poppins}</style><i hidden>x</i>",
    "before of an image": f"<style>img::before{{content:'x';font:9px Poppins}}</style><img src='{image_url('red')}'>",
    "drawn marker": "<style>li::marker{font-family:Poppins}</style><ul><li>x</ul>",
    "marker of no item": "<style>p::marker{font-family:Poppins}</style><p>x</p>",
    "first letter in a line": "<style>b::first-letter{font-family:Poppins}</style><b>x</b>",
    "first letter of nothing": "<style>p::first-letter{font-family:Poppins}</style><p><br></p>",
    "empty field": "<input style='font-family:Poppins'><textarea style='font-family:Poppins'></textarea>",
    "placeholder under a value": "<style>::placeholder{font-family:Poppins}</style><input placeholder=x value=y>",
    "box": "<input type=checkbox value=x style='font-family:Poppins'>",
}


@pytest.mark.asyncio(loop_scope="session")
async def test_families_of_generated_texts_and_fields_are_named(engine: Engine) -> None:
    """Texts of pseudo elements and of forms count as those of the document do, where they are shown."""
    named = {}
    for name, body in (OTHER_TEXTS | NO_TEXTS).items():
        warnings = (await draw(engine, page(body))).warnings
        named[name] = "".join(each.message.rpartition(": ")[2] for each in warnings if each.code == "font_missing")

    assert named == dict.fromkeys(OTHER_TEXTS, "Poppins") | dict.fromkeys(NO_TEXTS, "")


@pytest.mark.asyncio(loop_scope="session")
async def test_families_are_found_wherever_text_is_shown(engine: Engine) -> None:
    """In shadow trees, SVG, frames and forms whose fields hide members; also with a font that a script adds."""
    body = (
        "<div><template shadowrootmode=closed><b style='font-family:Shadow'>x</b></template></div>"
        "<svg><text y=9 font-family='Drawn'>x</text></svg><iframe srcdoc='<i style=font-family:Framed>x</i>'></iframe>"
        "<form style='font-family:Form'>x<input name=childNodes><input name=matches><input name=closest></form>"
    )
    (warning,) = (await draw(engine, page(body))).warnings
    add = "document.fonts.add(new FontFace('Added', new ArrayBuffer(4)))"
    script = f"<p style='font-family:Added'>x</p><script>{add}</script>"
    (added,) = (await draw(engine, page(script), javascript=True)).warnings

    assert set(warning.message.rpartition(": ")[2].split(", ")) == {"Shadow", "Drawn", "Framed", "Form"}
    assert added.message.endswith(": Added")


def test_docs_have_the_stand_ins_of_the_configuration() -> None:
    """The tables of docs/fonts.md are the aliases of the configuration, no more and no less."""
    text = (ROOT / "docs" / "fonts.md").read_text(encoding="utf-8")
    tables = re.findall(r"^\| drawn with \| for \|\n\|---\|---\|\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", "".join(tables), re.MULTILINE)
    documented = {name: target for target, names in rows for name in names.split(", ")}

    assert documented == stand_ins(FONT_CONFIGURATION)


def test_docs_and_image_have_the_packages_of_the_list() -> None:
    """docs/fonts.md names every package, and the image installs what the list has."""
    packages = re.findall(r"^(fonts-[\w-]+) ", FONT_PACKAGES.read_text(encoding="utf-8"), re.MULTILINE)
    text = (ROOT / "docs" / "fonts.md").read_text(encoding="utf-8")

    assert sorted(re.findall(r"`(fonts-[\w-]+)`", text)) == sorted(packages)
    assert str(FONT_PACKAGES.relative_to(ROOT)) in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_missing_packages_are_named(tmp_path: Path) -> None:
    """A package counts as missing when no font file begins as its files do; none is missing here."""
    packages = tmp_path / "packages.txt"
    packages.write_text("# comment\nfonts-one  One-\nfonts-two  Two\n")

    assert missing_packages([Path("/x/One-Bold.ttf"), Path("/x/two.ttf")], packages) == ["fonts-two"]
    assert missing_packages(font_files()) == []


def test_every_configured_family_is_installed() -> None:
    """No alias points at a family that the packages do not bring."""
    installed = {name.lower() for file in font_files() for name in family_names(file)}

    assert [target for target in stand_ins(FONT_CONFIGURATION).values() if target.lower() not in installed] == []


@pytest.mark.parametrize("length", [0, 3, 12, 40, 300])
def test_names_of_a_font_that_ends_too_soon_are_an_error(tmp_path: Path, length: int) -> None:
    """Wherever it ends, the error is one that is foreseen, or there are no names."""
    whole = next(file for file in font_files() if file.name == "NotoSans-Regular.ttf").read_bytes()
    (tmp_path / "short.ttf").write_bytes(whole[:length])
    try:
        names = list(family_names(tmp_path / "short.ttf"))
    except FontError:
        names = []

    assert names == []
