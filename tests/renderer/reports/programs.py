"""Templates as other programs export them, with placeholders in them."""

from typing import Final

from tests.renderer.drawing import image_url
from tests.renderer.reports.report import Report, Verdict

WORKS, REFUSED, WARNED = Verdict.WORKS, Verdict.REFUSED, Verdict.WARNED
_NAMESPACES: Final = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
_DRAWING: Final = '<rect width="100" height="50" fill="#FF0000"/><text x="10" y="80">{{ title }}</text>'
_FIGMA: Final = f"""<svg width="200" height="100" viewBox="0 0 200 100" fill="none" {_NAMESPACES}>
<g clip-path="url(#clip0_1_2)"><g filter="url(#filter0_d_1_2)"><rect width="100" height="50" fill="url(#paint0)"/></g>
<rect x="100" width="100" height="50" fill="url(#pattern0)"/>
<text fill="black" xml:space="preserve" style="white-space: pre" font-family="Inter" font-size="24"
letter-spacing="0em"><tspan x="20" y="90.227">{{{{ title }}}}</tspan></text></g><defs>
<filter id="filter0_d_1_2" x="0" y="0" width="100" height="54" filterUnits="userSpaceOnUse"><feFlood flood-opacity="0"
result="BackgroundImageFix"/><feBlend mode="normal" in="SourceGraphic" in2="BackgroundImageFix"/></filter>
<linearGradient id="paint0" x1="0" y1="0" x2="0" y2="50" gradientUnits="userSpaceOnUse"><stop stop-color="#FF0000"/>
<stop offset="1" stop-color="#FF0000"/></linearGradient>
<pattern id="pattern0" patternContentUnits="objectBoundingBox" width="1" height="1">
<use xlink:href="#image0" transform="scale(0.125)"/></pattern>
<image id="image0" width="8" height="8" preserveAspectRatio="none" xlink:href="{{{{ photo }}}}"/>
<clipPath id="clip0_1_2"><rect width="200" height="100" fill="white"/></clipPath></defs></svg>"""
_ILLUSTRATOR: Final = f"""<?xml version="1.0" encoding="utf-8"?>
<!-- Generator: Adobe Illustrator -->
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [
<!ENTITY ns_ai "http://ns.adobe.com/AdobeIllustrator/10.0/">
]>
<svg version="1.1" id="Layer_1" xmlns:i="&ns_ai;" {_NAMESPACES} viewBox="0 0 200 100" xml:space="preserve">
<style type="text/css"><![CDATA[.st0{{fill:#FF0000;}}]]></style>{_DRAWING}</svg>"""
_INKSCAPE: Final = f"""<svg width="200" height="100" viewBox="0 0 200 100" inkscape:version="1.2"
xmlns:inkscape="http://www.inkscape.org/namespaces/inkscape" sodipodi:docname="drawing.svg"
xmlns:sodipodi="http://sodipodi.sourceforge.net/DTD/sodipodi-0.dtd" {_NAMESPACES}>
<sodipodi:namedview id="base" pagecolor="#ffffff" inkscape:document-units="mm" showgrid="false" /><defs id="defs2" />
<g inkscape:label="Layer 1" inkscape:groupmode="layer" style="-inkscape-font-specification:'sans-serif'">{_DRAWING}</g>
</svg>"""
_CDATA: Final = f"""<svg width="200" height="100" {_NAMESPACES}>
<style type="text/css"><![CDATA[.st0{{fill:#FF0000;}}]]></style>
<rect class="st0" width="100" height="50"/><text x="10" y="80">{{{{ title }}}}</text></svg>"""
_OUTLOOK: Final = '<!--[if mso | IE]><table bgcolor="{{ color }}"><tr><td><![endif]-->'
_EMAIL: Final = """<!doctype html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:v="urn:schemas-microsoft-com:vml" lang="en"><head>
<title>{{ title }}</title><!--[if !mso]><!--><meta http-equiv="X-UA-Compatible" content="IE=edge"><!--<![endif]-->
<meta http-equiv="Content-Type" content="text/html; charset=UTF-8">
<style type="text/css">body { margin:0 } table, td { border-collapse:collapse;mso-table-lspace:0pt; }
@media only screen and (min-width:180px) { .mj-column-per-50 { width:50% !important; } }</style>
<!--[if mso]><noscript><xml><o:AllowPNG/></xml></noscript><![endif]--></head><body>
<div style="display:none;max-height:0px;overflow:hidden;">{{ title }}</div>OUTLOOK
<div style="background:{{ color }};max-width:200px;"><table align="center" border="0" cellpadding="0" width="100%"
bgcolor="{{ color }}" style="background:{{ color }}"><tr><td style="height:50px;padding:0">
<div class="mj-column-per-50" style="display:inline-block;width:100%"><a href="{{ link }}" target="_blank">
{{ title }}</a></div></td></tr></table></div></body></html>"""
_WEBFLOW: Final = """<!DOCTYPE html><!--  This site was created in Webflow.  --><html data-wf-page="65" lang="en"><head>
<meta charset="utf-8"><meta content="Webflow" name="generator"><link href="https://fonts.gstatic.com" rel="preconnect"
crossorigin="anonymous"><link href="images/favicon.ico" rel="shortcut icon" type="image/x-icon"></head><body>
<img src="BASEhero.jpg" loading="lazy" sizes="100vw" srcset="BASEhero-p-500.jpg 500w, BASEhero.jpg 1400w" alt=""
width="9">
{{ title }}</body></html>"""
_SAVED: Final = """<!DOCTYPE html>
<!-- saved from url=(0029)https://www.example.com/card/ --><html lang="en"><head><meta charset="UTF-8"><base href=".">
<link rel="stylesheet" href="./Card_files/style.css"></head><body><b style="position:absolute;left:0;top:0;width:100px;
height:50px"></b>{{ title }}</body></html>"""
_DATA: Final = {"title": "x", "photo": image_url("blue"), "color": "#ff0000", "link": "https://example.com/"}
_RED: Final = {(50, 25): "red", (50, 60): "white"}

PROGRAMS: Final = [
    Report(
        source="Figma",
        wanted="an SVG with clips, filters, patterns and a text",
        verdict=WORKS,
        answer="inside of a document",
        html=_FIGMA,
        data=_DATA,
        pixels={(50, 25): "red", (150, 25): "blue"},
    ),
    Report(
        source="Illustrator",
        wanted="an SVG file with its XML declaration, entities and CDATA",
        verdict=WARNED,
        answer="`xml_document`; the `<svg>` element inside of a document works",
        html=_ILLUSTRATOR,
        data=_DATA,
        says="xml_document",
        instead=_CDATA,
        pixels=_RED,
    ),
    Report(
        source="Inkscape",
        wanted="an SVG with its namespaces",
        verdict=WORKS,
        answer="inside of a document",
        html=_INKSCAPE,
        data=_DATA,
        pixels=_RED,
    ),
    Report(
        source="MJML",
        wanted="an e-mail of tables, with values in Outlook's comments",
        verdict=REFUSED,
        answer="a comment holds no value; without those comments it works",
        html=_EMAIL.replace("OUTLOOK", _OUTLOOK),
        data=_DATA,
        says="those of Outlook (`<!--[if mso]>`) have no effect",
        instead=_EMAIL.replace("OUTLOOK", ""),
        pixels={(150, 25): "red", (150, 80): "white"},
    ),
    Report(
        source="Webflow",
        wanted="a page with relative addresses in `srcset`",
        verdict=WARNED,
        answer="`relative_address`; whole addresses work",
        html=_WEBFLOW.replace("BASE", "images/"),
        data=_DATA,
        says="relative_address",
        instead=_WEBFLOW.replace("BASE", "https://cdn.example/"),
        like="<style>body { margin: 8px }</style><img src='https://cdn.example/hero.jpg' width=9>\nx",
    ),
    Report(
        source="Chrome, page saved with its files",
        wanted="the page",
        verdict=WARNED,
        answer="`relative_address`: the files beside it are not uploaded",
        html=_SAVED,
        data=_DATA,
        says="relative_address",
        instead=_SAVED.replace("./Card_files/", "https://cdn.example/").replace('<base href=".">', ""),
        pixels={(80, 40): "red", (80, 60): "white"},
    ),
    Report(
        source="Chrome, page saved as one file",
        wanted="the page",
        verdict=REFUSED,
        answer="an archive (MHTML) is no HTML",
        html="From: <Saved by Blink>\nSubject: Card\nMIME-Version: 1.0\n\n<p>{{ title }}</p>",
        data=_DATA,
        says="archive of a page",
        instead="<p>{{ title }}</p>",
        like="<p>x</p>",
    ),
]
