"""What each context lets through: every value passes the guard of the place it stands in before it is printed.

A guard returns a plain text, which Jinja2 then escapes for HTML, or `Markup`, which is printed as it is.
"""

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import quote, unquote

from markupsafe import Markup

from renderer.language.contexts.contexts import Guard
from renderer.language.values import ValueRefusedError, described, number_of, read, text_of, written
from schemas.addresses import BLANKS, address_problem
from schemas.colors import is_color

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
# What would end a CSS string or url(), whichever quotes it has.
_ENDS_CSS: Final = re.compile(r"[\x00-\x20\x7f\"'()\\<>]")
# What would end a candidate of srcset.
_ENDS_CANDIDATE: Final = re.compile(r"[\x00-\x20\x7f,]")
_WHOLE_MAX: Final = 2**53
# An ampersand that begins no entity. Templates that write entities themselves, with `replace`, are right as well.
_AMPERSAND: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9a-fA-F]+);)")
_HAS_SCHEME: Final = re.compile(r"[^/?#]*:")
_BEGINS: Final = re.compile(r"[/?#]")


def text(value: Any) -> Any:
    """Let through markup that the template itself made, and every value as Jinja2 writes it; nothing for null."""
    return value if isinstance(value, str) else written(value)


def plain(value: Any) -> str:
    """Let through what can be read, as a text that is escaped whatever it was."""
    return written(value)


def fragment(value: Any) -> Markup:
    """Let through what a macro of the template made; its values have guards of their own."""
    if isinstance(value, Markup):
        return value
    raise ValueRefusedError("is not a macro here")


def nowhere(_: Any) -> str:
    """Let nothing through: the template never printed this where it was read."""
    raise ValueRefusedError("is printed by a macro that is not called by its name")


def address(value: Any) -> str:
    """Let through an http(s) or data:image address."""
    value = read(value) if isinstance(value, str) else value
    problem = address_problem(value)
    if problem is not None:
        raise ValueRefusedError(problem)
    return text_of(value).strip(BLANKS)


def address_part(value: Any) -> str:
    """Let through a part of an address that the template begins."""
    return _percent_encoded(_CONTROL, plain(value))


class ValuesOfAddress:
    """The guards of an address that is made of values only, in the order in which they are printed.

    The first may print nothing, as an `a if b` does. Then the next begins the address, and with it the scheme.
    """

    def __init__(self) -> None:
        self._has_begun = False

    def first(self, value: Any) -> str:
        """Let through a whole address, or the beginning of one."""
        self._has_begun = True
        return address(value)

    def nothing(self) -> str:
        """Note that the first value has printed nothing."""
        self._has_begun = False
        return ""

    def rest(self, value: Any) -> str:
        """Let through a part of an address that has begun, and no other scheme where it has not."""
        text = plain(value)
        if self._has_begun:
            return address_part(text)
        self._has_begun = _BEGINS.search(text) is not None
        return address(text) if _HAS_SCHEME.match(text) else address_part(text)


def svg_part(value: Any) -> str:
    """Let through a text of an SVG image that the template writes into a `data:` address.

    A browser takes percent-encoding off before it reads the image, so that of a template or of the data counts for
    what it stands for.
    """
    text = _AMPERSAND.sub("&amp;", unquote(plain(value)))
    for character, entity in (("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&apos;")):
        text = text.replace(character, entity)
    return quote(text, safe="")


def sheet_svg_part(value: Any) -> Markup:
    """Let through a text of an SVG image inside `url("…")` of a style element."""
    return Markup(svg_part(value))  # noqa: S704 - letters, digits and percent signs


def candidate(value: Any) -> str:
    """Let through an address in a srcset; commas belong to data: addresses and are kept there."""
    whole = address(value)
    return whole if whole[:5].lower() == "data:" and " " not in whole else candidate_part(whole)


def candidate_part(value: Any) -> str:
    """Let through a part of an address in a srcset."""
    return _percent_encoded(_ENDS_CANDIDATE, plain(value))


def css_address(value: Any) -> str:
    """Let through an address inside `url("…")` of a style attribute."""
    return css_address_part(address(value))


def css_address_part(value: Any) -> str:
    """Let through a part of an address inside `url("…")` of a style attribute."""
    return _percent_encoded(_ENDS_CSS, plain(value))


def sheet_address(value: Any) -> Markup:
    """Let through an address inside `url("…")` of a style element, where HTML escapes would be read as they stand."""
    return Markup(css_address(value))  # noqa: S704 - nothing that ends the string or the element is left in it


def sheet_address_part(value: Any) -> Markup:
    """Let through a part of an address inside `url("…")` of a style element."""
    return Markup(css_address_part(value))  # noqa: S704 - likewise


def color(value: Any) -> Markup:
    """Let through a CSS color. No color holds what HTML would escape, and a style element would show the escapes."""
    if isinstance(value, str) and is_color(value):
        return Markup(text_of(value).strip(BLANKS))  # noqa: S704
    raise ValueRefusedError(f"must be a CSS color such as #0a7 or teal, got {described(value)}")


def number(value: Any) -> Markup:
    """Let through a number, as CSS writes it."""
    return Markup(_css_number(number_of(value)))  # noqa: S704


def unsigned(value: Any) -> Markup:
    """Let through what can stand behind a sign or a digit: CSS drops `--3px`."""
    if number_of(value) < 0:
        raise ValueRefusedError(f"must not be negative behind a sign or digit, got {described(value)}")
    return number(value)


def digits(value: Any) -> Markup:
    """Let through what can stand behind a decimal point."""
    whole = unsigned(value)
    if not whole.isdigit():
        raise ValueRefusedError(f"must be a whole number behind a decimal point, got {described(value)}")
    return whole


def positive(value: Any) -> Markup:
    """Write a number with its sign, in place of the `+` that the template has before it."""
    written = number(value)
    return written if written.startswith("-") else "+" + written


def negative(value: Any) -> Markup:
    """Write a number with the opposite sign, in place of the `-` that the template has before it."""
    written = number(value)
    return "+" + written[1:] if written.startswith("-") else "-" + written


def color_or_number(value: Any) -> Markup:
    """Let through a color or a number: the value of a custom property can be either."""
    return color(value) if isinstance(value, str) and is_color(value) else number(value)


def json(value: Any) -> Any:
    """Let through what `tojson` made, and nothing else."""
    if isinstance(value, Markup):
        return value
    raise ValueRefusedError("can stand here only through `| tojson`")


def _percent_encoded(pattern: re.Pattern[str], value: str) -> str:
    return pattern.sub(lambda match: quote(match.group(), safe=""), value)


def _css_number(value: int | float) -> str:
    # What counts things, such as `z-index`, takes no decimals, not even those of 2.0.
    is_whole = isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_MAX
    return repr(int(value)) if is_whole else repr(value)


SIGNED: Final[dict[str, Callable[[Any], Any]]] = {"+": positive, "-": negative}
"""By the sign that stands right before a value."""
GUARDS: Final[dict[Guard, Callable[[Any], Any]]] = {
    "text": text,
    "plain": plain,
    "address_part": address_part,
    "svg_part": svg_part,
    "candidate": candidate,
    "candidate_part": candidate_part,
    "css_address": css_address,
    "css_address_part": css_address_part,
    "sheet_address": sheet_address,
    "sheet_address_part": sheet_address_part,
    "sheet_svg_part": sheet_svg_part,
    "color": color,
    "number": number,
    "unsigned": unsigned,
    "digits": digits,
    "color_or_number": color_or_number,
    "json": json,
    "fragment": fragment,
    "nowhere": nowhere,
}
