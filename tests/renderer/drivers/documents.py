"""The documents that both drivers draw: one of everything that crosses the DevTools connection in a way of its own."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.baselines.documents import DOCUMENTS as MEASURED
from renderer.assets.port import AssetError, Fetched, Kind, Received, ignore
from renderer.language.template import Template
from renderer.rendering import RenderRequest
from schemas.output import parse_output, resolve_output
from tests.renderer.assets.site import png
from tests.renderer.drawing import image_url, moving_gif, page
from tests.renderer.test_assets import FIXED, PICTURES
from tests.renderer.test_fit import LAYOUTS, WORDS, document
from tests.renderer.test_fonts import TEXTS
from tests.renderer.test_images import QUARTERS
from tests.renderer.test_lazy_content import BOX as FAR_BOX
from tests.renderer.test_lazy_content import FAR, LATER
from tests.renderer.test_leaks import POSTER
from tests.renderer.test_pdf import HOSTILE
from tests.renderer.test_readiness import IMAGES, MOTION, MOVING_SVG
from tests.renderer.test_scripts import LATE, SLOWLY, scripted
from tests.renderer.test_variants import CARD, VARIANTS

VALUES: Final = {
    "title": "Ünï ★",
    "quote": "شكرا جزيلا — 素晴らしい 🎉",
    "name": "O'Neill & Søn",
    "author": "Ada",
    "role": "Founder",
    "company": "Harbour",
    "language": "ar",
    "rating": 4.5,
}
SITE: Final = "http://site.test"
_ROOT: Final = Path(__file__).parents[3]
_EXAMPLES: Final = _ROOT / "schemas" / "examples"


class FakeSite:
    """A fetcher with a site in memory, the same for each driver."""

    def __init__(self) -> None:
        image = Fetched(body=png(size=(200, 100)), content_type="image/png", pixels=20_000)
        self._assets = {
            **{f"/{path}": image for path in ("a.png", "b.png", "deep/c.png", "moved")},
            "/style.css": Fetched(body=b"@import 'deep/two.css';i{color:red}", content_type="text/css"),
            "/deep/two.css": Fetched(body=b"i{background:url('../a.png')}", content_type="text/css"),
            "/large.png": Fetched(body=png(size=(1200, 900)), content_type="image/png", pixels=1_080_000),
        }

    async def fetch(self, url: str, kind: Kind, received: Received = ignore) -> Fetched:
        """Return the asset, or fail as a server without it does."""
        asset = self._assets.get(url.removeprefix(SITE))
        if asset is None:
            raise AssetError("asset_status", 404)
        received(len(asset.body))
        return asset


def request(html: str, *, javascript: bool = False, **fields: Any) -> RenderRequest:
    """Return the request for a document, 200 by 100 unless told otherwise."""
    wanted = resolve_output(parse_output({"width": 200, "height": 100, **fields}))
    return RenderRequest(html=html, output=wanted, javascript=javascript, deadline_seconds=30)


def _outputs() -> dict[str, RenderRequest]:
    """Every format, size, scale and crop, and several of them at once."""
    fields: dict[str, dict[str, Any]] = {
        "png": {},
        "jpeg": {"format": "jpeg", "quality": 80},
        "webp": {"format": "webp", "quality": 80},
        "half scale": {"scale": 0.5},
        "odd scale": {"scale": 1.5, "width": 333, "height": 77},
        "double scale": {"scale": 2, "format": "webp"},
        "transparent png": {"transparent": True},
        "transparent webp": {"transparent": True, "format": "webp"},
        "full page": {"full_page": True, "height": 40},
        "full page jpeg": {"full_page": True, "height": 40, "format": "jpeg"},
        "selector": {"selector": ".box"},
        "selector at triple scale": {"selector": "details", "scale": 3},
        "dark": {"color_scheme": "dark"},
        "pdf": {"format": "pdf"},
        "pdf of an element": {"format": "pdf", "selector": ".box"},
    }
    return {
        **{f"output: {name}": request(POSTER, **each) for name, each in fields.items()},
        "output: large": request(QUARTERS, width=1080, height=1350, scale=2),
        "output: full page at double scale": request(page("<h1>Ü 静か 🎉"), full_page=True, height=40, scale=2),
        "output: one pixel": request(QUARTERS, width=1, height=1),
        "output: hostile pdf": request(HOSTILE, format="pdf"),
        "output: full page pdf": request(HOSTILE, format="pdf", full_page=True),
        "output: eight variants": request(CARD, variants=VARIANTS),
    }


def _texts() -> dict[str, RenderRequest]:
    """Every script, fitted texts, characters without a glyph, and posters as users make them."""
    return {
        **{f"text: {name}": request(page(f"<p dir=auto>{text}")) for name, text in TEXTS.items()},
        **{f"fit: {name}": request(document("a grid", text), width=400) for name, text in WORDS.items()},
        **{f"fit in {name}": request(document(name, WORDS["latin"]), width=400) for name in LAYOUTS},
        "text: no glyph": request(page("<p>\ue000 \U0010fffd ͸")),
        "text: four megabytes": request(page(f"<!-- {'ä🎉' * 600_000} --><p>x")),
        **{f"benchmark: {name}": request(html, width=1080, height=1080) for name, html in MEASURED.items()},
    }


def _templates() -> dict[str, RenderRequest]:
    """The templates of the schema's examples and of the example site, filled."""
    uploads = sorted((_EXAMPLES / "template.upload").rglob("*.json"))
    filled = {f"example: {path.stem}": _filled(json.loads(path.read_text())["html_content"]) for path in uploads}
    site = _ROOT / "example" / "testimonials" / "posters" / "testimonial.html"
    return {**filled, "example: site": _filled(site.read_text(), width=1080, height=1080)}


def _filled(html: str, **fields: Any) -> RenderRequest:
    return request(Template(html).render(VALUES), **fields)


def _assets() -> dict[str, RenderRequest]:
    """Assets of the network, there or not, inside the document, and moving."""
    u = {"{u}": SITE, "{s}": "width=200 height=100"}
    shown = {name: _replaced(body, u) for name, body in PICTURES.items() if "127.0.0.1" not in body}
    inside = {name: _replaced(body, {"{{": "{", "}}": "}", "{url}": MOVING_SVG}) for name, body in IMAGES.items()}
    return {
        **{f"asset: {name}": request(page(body, FIXED)) for name, body in shown.items()},
        **{f"inside: {name}": request(page(body)) for name, body in inside.items()},
        "asset: not found": request(
            page(f"<img src='{SITE}/no.png?token=x'><link rel=stylesheet href='{SITE}/no.css'>")
        ),
        "asset: large": request(page(f"<img src='{SITE}/large.png' width=200>"), format="jpeg"),
        "inside: moving gif": request(page(f"<img src='{moving_gif()}' width=100 height=100>")),
        "inside: large image": request(page(f"<img src='{image_url('teal', (1600, 1600))}' width=100>")),
    }


def _replaced(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def _motion() -> dict[str, RenderRequest]:
    """What moves, what comes late, and what lies outside the window."""
    section = f"{FAR}<section><i></i></section>"
    return {
        **{f"motion: {name}": request(page(body, style)) for name, (body, style, _) in MOTION.items()},
        "lazy: full page": request(page(section, FAR_BOX + LATER), full_page=True),
        "lazy: selector": request(page(section, FAR_BOX + LATER), selector="section"),
        "frame: srcdoc": request(page("<iframe srcdoc='<p style=color:red>ä 🎉'></iframe>")),
        "frame: sandboxed": request(page("<iframe sandbox srcdoc='<b>x'></iframe>")),
    }


SCRIPTS: Final = {
    "canvas": "const c=document.createElement('canvas');document.body.append(c);c.getContext('2d').fillRect(9,9,50,50)",
    "lone surrogates": "document.body.append('\\ud83d a \\ud83c\\udf89 \\udf89');document.title='\\ud800'",
    "lone surrogate in an address": f"new Image().src='{SITE}/\\ud83d.png'",
    "null character": "document.body.append('a\\u0000b\\u2028c');document.body.dataset.x='\\u0000'",
    "worker": "new Worker(URL.createObjectURL(new Blob([`fetch('http://a.test/').catch(()=>0)`])))",
    "worker of a worker": (
        "new Worker(URL.createObjectURL(new Blob([`new Worker(URL.createObjectURL(new Blob(["
        "\"fetch('http://a.test/').catch(()=>0)\"])))`])))"
    ),
    "fetch": f"fetch('{SITE}/a.png').then(a=>a.blob()).then(b=>document.body.append(b.size))",
    "time": "setTimeout(()=>document.body.append('later'),2500)",
    "dialogs": "document.body.append(String(confirm('ä')),String(prompt('x')))",
    "console": "for(let n=0;n<2000;n++)console.log('x'.repeat(999));document.body.append('x')",
    "who am I": "document.body.append(JSON.stringify([navigator.userAgent,navigator.languages,screen.width,innerWidth,"
    "devicePixelRatio,navigator.webdriver,navigator.hardwareConcurrency,document.hasFocus(),document.visibilityState]))",
}
LOCALES: Final = ("de-DE", "ja-JP", "ar-EG", "hi-IN")
ZONES: Final = ("Asia/Tokyo", "America/New_York")


def _scripts() -> dict[str, RenderRequest]:
    """Scripts, and the fresh page with a locale and a time zone that they get."""
    date = page("<p></p><script>document.querySelector('p').textContent=new Date(0).toLocaleString()</script>")
    variants = [{"name": zone, "timezone": zone} for zone in ZONES]
    return {
        **{
            f"script: {name}": request(page(f"<script>{each}</script>"), javascript=True)
            for name, each in SCRIPTS.items()
        },
        **{f"script: {name}": request(scripted(each, SLOWLY), javascript=True) for name, each in LATE.items()},
        **{f"locale: {name}": request(date, javascript=True, locale=name, width=300) for name in LOCALES},
        "time zones": request(date, javascript=True, width=300, variants=variants),
        "locale without scripts": request(page("<p lang=tr>iI<input type=date>"), locale="tr-TR"),
    }


DOCUMENTS: Final = {
    **_outputs(),
    **_texts(),
    **_templates(),
    **_assets(),
    **_motion(),
    **_scripts(),
}
