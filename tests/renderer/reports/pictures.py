"""Reports about what a picture shows."""

from typing import Final

from tests.renderer.drawing import image_url
from tests.renderer.reports.report import BAR, Report, Verdict

WORKS, REFUSED, WARNED, OUT = Verdict.WORKS, Verdict.REFUSED, Verdict.WARNED, Verdict.OUT_OF_SCOPE
CDN: Final = "https://cdn.example"
_PHOTO: Final = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='40' height='10'%3E%3Crect width='40' "
    "height='10' fill='red'/%3E%3Crect x='15' width='10' height='10' fill='lime'/%3E%3C/svg%3E"
)
_DASHED: Final = (
    "data:image/svg+xml,%3csvg xmlns='http://www.w3.org/2000/svg'%3e%3crect width='100%25' height='100%25' fill='none' "
    "stroke='%23000' stroke-width='12' stroke-dasharray='60%2c 20'/%3e%3c/svg%3e"
)
_GROWING: Final = """<div id=a style='height:50px;width:0;background:red'></div><script>
let from;
function grow(now) {
  from ??= now;
  const part = Math.min(1, (now - from) / 1000);
  a.style.width = `${150 * part}px`;
  if (part < 1) requestAnimationFrame(grow);
}
requestAnimationFrame(grow);
</script>"""

PICTURES: Final = [
    Report(
        source="wkhtmltopdf/wkhtmltopdf#5094",
        wanted="`display: flex` to centre",
        verdict=WORKS,
        answer="all of Chromium's CSS",
        html="<div style='display:flex;justify-content:center;align-items:center;height:100px'>"
        "<b style='width:40px;height:40px;background:red'></b></div>",
        pixels={(100, 50): "red", (82, 32): "red", (78, 50): "white", (100, 28): "white"},
    ),
    Report(
        source="andrei-m-code/net-core-html-to-image#37",
        wanted="two columns of 49 % in a row",
        verdict=WORKS,
        answer="",
        html="<div style='display:flex;flex-wrap:wrap;align-content:flex-start;height:100px'>"
        + "<div style='box-sizing:border-box;border:1px solid red;width:49%;height:50px;background:red'></div>" * 2
        + "</div>",
        pixels={(50, 25): "red", (150, 25): "red", (50, 75): "white"},
    ),
    Report(
        source="wkhtmltopdf/wkhtmltopdf#4921",
        wanted="`calc()`",
        verdict=WORKS,
        answer="",
        html="<div style='width:calc(100% / 4 - 5px);height:50px;background:red'></div>",
        pixels={(44, 25): "red", (46, 25): "white"},
    ),
    Report(
        source="niklasvh/html2canvas#1064",
        wanted="`object-fit: cover`",
        verdict=WORKS,
        answer="",
        html='<img style="width:100px;height:100px;object-fit:cover" src="{{ photo }}">',
        data={"photo": _PHOTO},
        pixels={(3, 50): "lime", (97, 50): "lime", (103, 50): "white"},
    ),
    Report(
        source="niklasvh/html2canvas#1208",
        wanted="text filled with a gradient",
        verdict=WORKS,
        answer="",
        html="<style>@font-face { font-family: Box; src: url(FONT) }</style><h1 style='margin:0;font:60px Box;color:"
        "transparent;background:linear-gradient(90deg,red 50%,blue 50%);background-clip:text'>X</h1>",
        pixels={(30, 30): "red", (70, 30): "white"},
    ),
    Report(
        source="niklasvh/html2canvas#673",
        wanted="`box-shadow`",
        verdict=WORKS,
        answer="",
        html=f"<b style='{BAR}background:red;box-shadow:8px 8px 0 blue'></b>",
        pixels={(50, 25): "red", (104, 30): "blue", (50, 54): "blue", (104, 4): "white"},
    ),
    Report(
        source="tsayen/dom-to-image#465",
        wanted="icons by `xlink:href` of a symbol",
        verdict=WORKS,
        answer="a sprite stands in the template",
        html="<svg style='display:none' xmlns='http://www.w3.org/2000/svg'><symbol id=icon viewBox='0 0 9 9'>"
        "<rect width=9 height=9 fill=red /></symbol></svg><svg width=90 height=90><use xlink:href='#icon'/></svg>",
        pixels={(45, 45): "red", (95, 45): "white"},
    ),
    Report(
        source="tsayen/dom-to-image#253",
        wanted="an SVG image with a relative address",
        verdict=WARNED,
        answer="`relative_address`, at upload and with the poster",
        html="<svg width=90 height=90><image xlink:href='image/mine.png' width=90 height=90 /></svg>",
        says="relative_address",
        instead=f"<svg width=90 height=90><image xlink:href='{image_url('red')}' width=90 height=90 /></svg>",
        pixels={(45, 45): "red"},
    ),
    Report(
        source="bubkoo/html-to-image#534",
        wanted="a font of the template in an SVG's text",
        verdict=WORKS,
        answer="",
        html="<style>@font-face { font-family: Box; src: url(FONT) }</style>"
        "<svg width=200 height=100><text x=10 y=80 font-family=Box font-size=80 fill=red>X</text></svg>",
        pixels={(12, 50): "red", (88, 50): "red", (95, 50): "white"},
    ),
    Report(
        source="bubkoo/html-to-image#432",
        wanted="a dashed border as a `data:` background without quotes in the address",
        verdict=WORKS,
        answer="",
        html=f'<style>b {{ background-image: url("{_DASHED}") }}</style><b style="{BAR}"></b>',
        pixels={(30, 3): "black", (70, 3): "white", (50, 25): "white"},
    ),
    Report(
        source="bedrockio/export-html#11",
        wanted="text in a web font, not an empty picture",
        verdict=WORKS,
        answer="the picture is taken once the fonts are there",
        html=f"<link rel=stylesheet href='{CDN}/font.css'><h1 style='margin:0;font:80px Box;color:red'>X</h1>",
        pixels={(5, 40): "red", (75, 40): "red", (90, 40): "white"},
    ),
    Report(
        source="mileszs/wicked_pdf#277",
        wanted="an icon font by an address that begins with `//`",
        verdict=WORKS,
        answer="it is loaded over https",
        html=f"<style>@font-face {{ font-family: Box; src: url({CDN[6:]}/box.ttf) }} i::before {{ content: '\\e000'; "
        "font: 80px Box; color: red }</style><i></i>",
        pixels={(5, 40): "red", (75, 40): "red"},
    ),
    Report(
        source="Kozea/WeasyPrint#1494",
        wanted="a relative style sheet of a document that is a text",
        verdict=WARNED,
        answer="`relative_address`; `<base href>` gives the document an address",
        html=f"<link rel=stylesheet href=style.css><b style='{BAR}'></b>",
        says="relative_address",
        instead=f"<base href='{CDN}/'><link rel=stylesheet href=style.css><b style='{BAR}'></b>",
        pixels={(50, 25): "red"},
    ),
    Report(
        source="vgalin/html2image#52",
        wanted="a relative background",
        verdict=WARNED,
        answer="`relative_address`",
        html=f"<style>b {{ background: url('./background.png') }}</style><b style='{BAR}'></b>",
        says="relative_address",
        instead=f"<style>b {{ background: url('{image_url('red')}') }}</style><b style='{BAR}'></b>",
        pixels={(50, 25): "red"},
    ),
    Report(
        source="puppeteer/puppeteer#2917",
        wanted="a picture although a server does not answer",
        verdict=WARNED,
        answer="drawn without it; the poster is `degraded`, and fails if it is `strict`",
        html=f"<b style='{BAR}background:red'></b><img src='{CDN}/slow.png'>",
        says="asset_timeout",
        instead=f"<b style='{BAR}background:red'></b>",
        pixels={(50, 25): "red"},
    ),
    Report(
        source="nodejs/benchmarking#83",
        wanted="a chart that has grown, not one that is growing",
        verdict=WORKS,
        answer="three seconds of a virtual clock pass before the picture",
        html=_GROWING,
        javascript=True,
        pixels={(145, 25): "red", (155, 25): "white"},
    ),
    Report(
        source="jarrekk/imgkit#93",
        wanted="colours that a script sets",
        verdict=WORKS,
        answer="with `--javascript`",
        html=f"<b id=a style='{BAR}'></b>"
        "<script>a.style.background = {{ v | tojson }} > 3 ? 'red' : 'lime'</script>",
        data={"v": 7},
        javascript=True,
        pixels={(50, 25): "red"},
    ),
    Report(
        source="spatie/laravel-pdf#242",
        wanted="Tailwind's script from its address",
        verdict=WORKS,
        answer="with `--javascript`; its compiled style sheet is drawn faster",
        html=f"<script src='{CDN}/tailwind.js'></script><b class='bg-red' style='{BAR}'></b>",
        javascript=True,
        pixels={(50, 25): "red"},
    ),
    Report(
        source="puppeteer/puppeteer#3202",
        wanted="lazy images of a full page, and what is below them",
        verdict=WORKS,
        answer="",
        html=f"<div style='height:4000px'></div><img loading=lazy src='{CDN}/blue.png' width=200 height=50>"
        "<div style='height:50px;background:red'></div>",
        output={"full_page": True},
        size=(200, 4104),
        pixels={(100, 4020): "blue", (100, 4080): "red"},
    ),
    Report(
        source="microsoft/playwright#10606",
        wanted="100vh that stays the height of the window in a full page",
        verdict=WORKS,
        answer="",
        html="<div style='height:100vh;background:red'></div><div style='height:300px;background:blue'></div>",
        output={"full_page": True},
        size=(200, 400),
        pixels={(100, 95): "red", (100, 105): "blue"},
    ),
    Report(
        source="puppeteer/puppeteer#359",
        wanted="a page of 20,000 pixels",
        verdict=REFUSED,
        answer="`dimension_limit`, instead of a picture that is white at its end",
        html="<div style='height:20000px;background:red'></div>",
        output={"full_page": True},
        says="16,383",
        instead="<div style='height:20000px;background:red'></div>",
        instead_output={"full_page": True, "scale": 0.5},
        size=(100, 10_000),
        pixels={(50, 9_990): "red"},
    ),
    Report(
        source="puppeteer/puppeteer#4152",
        wanted="a transparent background",
        verdict=WORKS,
        answer="`transparent`, for png and webp",
        html=f"<b style='{BAR}background:red'></b>",
        output={"transparent": True},
        pixels={(50, 25): "red", (150, 75): "#00000000"},
    ),
    Report(
        source="microsoft/playwright#14187",
        wanted="emoji, not boxes",
        verdict=WORKS,
        answer="the fonts come with the install; what none has is `missing_glyphs`",
        html="<p style='font-size:40px;margin:0'>{{ v }}</p>",
        data={"v": "\U0001f389\U0001f469\u200d\U0001f680"},
        unlike="<p style='font-size:40px;margin:0'>\U0001f389\U0001f469\U0001f680</p>",
    ),
    Report(
        source="markuplint/markuplint#623",
        wanted="Japanese texts in Japanese forms",
        verdict=WORKS,
        answer="by `lang`",
        html="<p lang=ja style='font:60px serif'>{{ v }}</p>",
        data={"v": "\u9aa8\u76f4"},
        like="<p style='font:60px \"Noto Serif CJK JP\"'>\u9aa8\u76f4</p>",
        unlike="<p lang=zh-Hans style='font:60px serif'>\u9aa8\u76f4</p>",
    ),
    Report(
        source="chrisvxd/og-impact#21",
        wanted="long titles that stay inside of their box",
        verdict=WORKS,
        answer="`data-fit`; what is cut even then is `text_truncated`",
        html="<style>@font-face { font-family: Box; src: url(FONT) }</style><p data-fit=shrink style='margin:0;"
        "width:160px;height:60px;font:60px/1 Box;overflow-wrap:anywhere;color:red'>{{ title }}</p>",
        data={"title": "XXXXXXXXXX"},
        pixels={(20, 10): "red", (100, 65): "white", (170, 10): "white"},
    ),
    Report(
        source="vercel/satori#660",
        wanted="`z-index`",
        verdict=WORKS,
        answer="",
        html=f"<b style='{BAR}background:red;z-index:2'></b><b style='{BAR}background:blue;z-index:1'></b>",
        pixels={(50, 25): "red"},
    ),
    Report(
        source="vercel/satori#74",
        wanted="texts from right to left",
        verdict=WORKS,
        answer="",
        html="<p dir=auto style='margin:0'>{{ v }}</p>",
        data={"v": "\u05e9\u05dc\u05d5\u05dd (1)"},
        like="<p style='margin:0;text-align:right'>\u202b\u05e9\u05dc\u05d5\u05dd (1)\u202c</p>",
    ),
    Report(
        source="Kozea/WeasyPrint#2479",
        wanted="an image at the end of a flex box",
        verdict=WORKS,
        answer="",
        html=f"<div style='display:flex;justify-content:space-between'><b>x</b><img style='height:50px' "
        f"src='{image_url('red')}'></div>",
        pixels={(155, 25): "red", (195, 25): "red", (100, 25): "white"},
    ),
    Report(
        source="frinyvonnick/node-html-to-image#23",
        wanted="an animated GIF",
        verdict=OUT,
        answer="a poster is one moment; `output_invalid`",
        html="<p>x</p>",
        output={"format": "gif"},
        says="format",
    ),
]
