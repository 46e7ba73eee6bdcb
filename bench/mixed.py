"""Four templates with real variation, and data for them: what a site asks for over a day, mixed."""

import base64
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

import PIL.Image

_HERE: Final = Path(__file__).parent
_DEMO: Final = _HERE.parent / "example" / "testimonials" / "posters" / "testimonial.html"
_TEXT: Final = """
    the team listened and delivered early while results speak for themselves every day we found something new
    customers share posters before their coffee is cold nobody remembers how it used to be done
"""
_WORDS: Final = _TEXT.split()
_OTHER_SCRIPTS: Final = ("شكرا جزيلا لكم", "धन्यवाद", "素晴らしい仕事", "Ευχαριστούμε πολύ", "дякуємо щиро", "תודה רבה")
_NAMES: Final = (
    "Ada Lovelace",
    "Grace Hopper",
    "Jürgen Weiß",
    "Maya Lindqvist",
    "Kenji Sato",
    "Amara Okafor",
    "Zoë Ng",
)
_COMPANIES: Final = ("Analytical Engines", "Northlight Coffee", "Harbour & Pine", "Compilers & Co", "Weiß & Söhne")
_ACCENTS: Final = ("#c2185b", "#00796b", "#5e35b1", "#ef6c00", "#1565c0")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A template and what makes data for it, each time another."""

    name: str
    html: str
    data: Callable[[Random], Mapping[str, Any]]


def _text(random: Random, fewest: int, most: int) -> str:
    words = random.choices(_WORDS, k=random.randint(fewest, most))
    if random.random() < 0.25:
        words.insert(random.randrange(len(words)), random.choice(_OTHER_SCRIPTS))
    return " ".join(words).capitalize()


def _testimonial(random: Random) -> Mapping[str, Any]:
    return {
        "author": random.choice(_NAMES),
        "role": random.choice(("Head of Brand", "Founder", "")),
        "company": random.choice(_COMPANIES),
        "quote": _text(random, 4, 60),
        "rating": random.randint(20, 50) / 10,
        "language": "en",
    }


def _quote(random: Random) -> Mapping[str, Any]:
    return {
        "heading": _text(random, 4, 9),
        "text": _text(random, 8, 30),
        "author": random.choice(_NAMES),
        "company": random.choice(_COMPANIES),
    }


def _ranking(random: Random) -> Mapping[str, Any]:
    points = sorted((random.randint(50, 999) for _ in range(random.randint(5, 8))), reverse=True)
    rows = [{"name": random.choice(_NAMES), "points": each, "width": round(each / points[0] * 300)} for each in points]
    note = _text(random, 4, 8) if random.random() < 0.5 else ""
    when = f"{random.randint(1, 28)} {random.choice(_MONTHS)}"
    return {"heading": _text(random, 2, 4), "when": when, "rows": rows, "note": note}


def _event(random: Random) -> Mapping[str, Any]:
    return {
        "photo": random.choice(_photos()),
        "accent": random.choice(_ACCENTS),
        "day": str(random.randint(1, 28)),
        "month": random.choice(_MONTHS),
        "heading": _text(random, 2, 10),
        "text": _text(random, 8, 20),
        "tags": random.choices(_WORDS, k=random.randint(1, 4)),
    }


@cache
def _photos() -> Sequence[str]:
    """Return photographs as `data:` addresses: gradients with grain, which compress as photographs do."""
    random, photos = Random(1), list[str]()  # noqa: S311 - no secret
    for _ in range(6):
        colors = [tuple(random.randrange(256) for _ in range(3)) for _ in range(16)]
        small = PIL.Image.new("RGB", (4, 4))
        small.putdata(colors)
        image = small.resize((360, 360), PIL.Image.Resampling.BICUBIC)
        grain = PIL.Image.effect_noise((360, 360), 24).convert("RGB")
        file = io.BytesIO()
        PIL.Image.blend(image, grain, 0.12).save(file, "JPEG", quality=70)
        photos.append(f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}")
    return photos


def _own(name: str, data: Callable[[Random], Mapping[str, Any]]) -> Kind:
    return Kind(name=name, html=(_HERE / "templates" / f"{name}.html").read_text(encoding="utf-8"), data=data)


KINDS: Final = (
    Kind(name="testimonial (demo)", html=_DEMO.read_text(encoding="utf-8"), data=_testimonial),
    _own("quote", _quote),
    _own("ranking", _ranking),
    _own("event", _event),
)
