"""Where values stand in CSS: as a color, as a number or inside `url("…")`, and nowhere else."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import tinycss2 as untyped_tinycss2

from renderer.language.contexts.addresses import beginning_of, stands_before
from renderer.language.contexts.contexts import Guard, Refusal, Use
from schemas.templates import DataType

tinycss2: Final[Any] = untyped_tinycss2
Sheet = Literal["element", "attribute"]
"""In a style element the text is raw, in a style attribute it is HTML."""

_COLOR_PROPERTIES: Final = re.compile(
    r"(?:.*-)?color|fill|stroke|background|background-image|border(?:-(?:top|right|bottom|left|inline|block)(?:-start|"
    r"-end)?)?|border-image(?:-source)?|outline|box-shadow|text-shadow|text-decoration|text-emphasis|column-rule|"
    r"filter|backdrop-filter|mask|mask-image|list-style-image|-webkit-text-stroke|-webkit-mask(?:-image)?"
)
# Properties whose values are words; a value from data would need a list of them.
_WORD_PROPERTIES: Final = re.compile(
    r"align-.*|justify-.*|place-.*|all|animation-name|appearance|background-(?:clip|origin|repeat|attachment)|"
    r"border(?:-.*)?-style|box-sizing|clear|content|cursor|direction|display|flex-(?:direction|wrap|flow)|float|"
    r"font-family|font-style|font-variant.*|grid-(?:area|template-areas|auto-flow)|hyphens|isolation|list-style-type|"
    r"mix-blend-mode|object-fit|outline-style|overflow(?:-.*)?|pointer-events|position|text-(?:align.*|transform|"
    r"overflow|rendering|orientation|decoration-(?:line|style))|transition-property|unicode-bidi|visibility|"
    r"white-space|will-change|word-break|word-wrap|writing-mode"
)
_NUMBER_FUNCTIONS: Final = re.compile(
    r"rgba?|hsla?|hwb|lab|lch|oklab|oklch|color|calc|min|max|clamp|abs|round|mod|pow|sqrt|"
    r"translate(?:3d|[xyz])?|scale(?:3d|[xyz])?|rotate(?:3d|[xyz])?|skew[xy]?|matrix(?:3d)?|perspective|"
    r"blur|brightness|contrast|grayscale|hue-rotate|invert|opacity|saturate|sepia|cubic-bezier|steps|repeat|minmax|"
    r"polygon|circle|ellipse|inset|fit-content"
)
_RELATIVE: Final = frozenset({"rgb", "rgba", "hsl", "hsla", "hwb", "lab", "lch", "oklab", "oklch", "color"})
_ORIGIN: Final = "from"
"""Stands for the function around the color that another one is made from."""
NOWHERE: Final = "in CSS a value can stand as a color, as a number or inside `url(…)` with quotes"
_ADDRESS_GUARDS: Final[dict[Sheet, tuple[Guard, Guard, Guard]]] = {
    "attribute": ("css_address", "css_address_part", "svg_part"),
    "element": ("sheet_address", "sheet_address_part", "sheet_svg_part"),
}


@dataclass(frozen=True, slots=True)
class Found:
    """A sentinel, and what may stand in its place."""

    sentinel: str
    use: Use | Refusal


class CssError(ValueError):
    """The CSS cannot be read."""


class CssReader:
    """Finds sentinels, runs of digits of one length that nothing else in the text holds, in CSS."""

    def __init__(self, sentinel: re.Pattern[str], sheet: Sheet, quote: str = '"') -> None:
        self._sentinel = sentinel
        self._sheet = sheet
        self._quoted = f"put the address into quotes: `url({quote}{{{{ … }}}}{quote})`"
        """`quote` is what can stand around a text here: inside of an attribute, not the attribute's own."""

    def stylesheet(self, text: str) -> list[Found]:
        """Return the sentinels of a style element. Raises CssError."""
        return self._all(lambda: self._contents(tinycss2.parse_stylesheet(text, skip_comments=True)))

    def declarations(self, text: str) -> list[Found]:
        """Return the sentinels of a style attribute. Raises CssError."""
        return self._all(lambda: self._contents(tinycss2.parse_blocks_contents(text, skip_comments=True)))

    def value(self, name: str, text: str) -> list[Found]:
        """Return the sentinels of one property's value. Raises CssError."""
        return self._all(lambda: self._value(name, tinycss2.parse_component_value_list(text, skip_comments=True), None))

    def _all(self, read: Callable[[], Iterator[Found]]) -> list[Found]:
        try:
            return list(read())
        except ValueError as error:
            # Numbers of thousands of digits.
            raise CssError(f"CSS that cannot be read: {error}") from None

    def _contents(self, items: Iterable[Any]) -> Iterator[Found]:
        for item in items:
            match item.type:
                case "declaration":
                    yield from self._refused(item.name, "a value cannot stand in the name of a CSS property")
                    yield from self._value(item.lower_name, item.value, None)
                case "qualified-rule":
                    yield from self._all_refused(item.prelude, "a value cannot stand in a CSS selector")
                    yield from self._contents(tinycss2.parse_blocks_contents(item.content, skip_comments=True))
                case "at-rule":
                    yield from self._at_rule(item)
                case "error":
                    yield from self._refused(item.message, NOWHERE)

    def _at_rule(self, rule: Any) -> Iterator[Found]:
        yield from self._refused(rule.at_keyword, NOWHERE)
        yield from self._all_refused(rule.prelude, f"a value cannot stand in the head of `@{rule.lower_at_keyword}`")
        if rule.content is not None:
            yield from self._contents(tinycss2.parse_blocks_contents(rule.content, skip_comments=True))

    def _value(self, name: str, tokens: Iterable[Any], function: str | None) -> Iterator[Found]:
        for token, within in _within(tokens, function):
            match token.type:
                case "number" | "dimension" | "percentage":
                    yield from self._numeric(name, token, within)
                case "function" if token.lower_name in ("url", "src"):
                    yield from self._url(name, token)
                case "function":
                    yield from self._refused(token.name, NOWHERE)
                    yield from self._value(name, token.arguments, token.lower_name)
                case "() block" | "[] block" | "{} block":
                    yield from self._value(name, token.content, function)
                case "url":
                    yield from self._refused(token.value, self._quoted)
                case "string":
                    yield from self._refused(token.value, f"{NOWHERE}, not in a text")
                case "hash":
                    yield from self._refused(token.value, "put the whole color into the value, `#` included")
                case "error":
                    yield from self._refused(token.message, NOWHERE)
                case _:
                    yield from self._refused(token.serialize(), NOWHERE)

    def _numeric(self, name: str, token: Any, function: str | None) -> Iterator[Found]:
        for sentinel in self._sentinel.findall(token.representation):
            yield Found(sentinel, self._use(name, token, sentinel, function))
        if token.type == "dimension":
            yield from self._refused(token.unit, "a value cannot stand in the unit of a number")

    def _use(self, name: str, token: Any, sentinel: str, function: str | None) -> Use | Refusal:
        where = f"in the CSS property `{name}`"
        begun = token.representation[: token.representation.index(sentinel)]
        if token.type != "number" or begun or not self._is_bare(token):
            return Use(_number_guard(begun), "number", where)
        if function is not None and _NUMBER_FUNCTIONS.fullmatch(function):
            return Use("number", "number", where)
        if name.startswith("--") and function != _ORIGIN:
            return Use("color_or_number", _custom_property_type(name), where)
        if function == _ORIGIN or _COLOR_PROPERTIES.fullmatch(name):
            return Use("color", "color", where)
        if _WORD_PROPERTIES.fullmatch(name):
            reason = f'`{name}` takes words; {NOWHERE}. Choose a class instead: `class="{{{{ … }}}}"`'
            return Refusal(reason, takes_branches=True)
        return Use("number", "number", where)

    def _is_bare(self, token: Any) -> bool:
        return self._sentinel.fullmatch(token.representation) is not None

    def _url(self, name: str, token: Any) -> Iterator[Found]:
        arguments = [item for item in token.arguments if item.type != "whitespace"]
        if len(arguments) != 1 or arguments[0].type != "string":
            yield from self._all_refused(token.arguments, self._quoted)
            return
        address = arguments[0].value
        for match in self._sentinel.finditer(address):
            yield Found(match.group(), self._address_use(name, stands_before(address[: match.start()], self._sentinel)))

    def _address_use(self, name: str, before: str) -> Use | Refusal:
        begun = beginning_of(before)
        if isinstance(begun, Refusal):
            return begun
        whole, part, svg = _ADDRESS_GUARDS[self._sheet]
        data_type: DataType = "url" if name == "src" else "image"
        where = f"in `url(…)` of the CSS property `{name}`"
        if begun == "start":
            return Use(whole, data_type, where)
        return Use(svg if begun == "svg" else part, "text", where)

    def _all_refused(self, tokens: Iterable[Any], reason: str) -> Iterator[Found]:
        yield from self._refused(tinycss2.serialize(tokens), reason)

    def _refused(self, text: str, reason: str) -> Iterator[Found]:
        for sentinel in self._sentinel.findall(text):
            yield Found(sentinel, Refusal(reason, takes_branches=True))


def _within(tokens: Iterable[Any], function: str | None) -> Iterator[tuple[Any, str | None]]:
    """Yield the tokens with the function that they stand in: `rgb(from red r g b / .5)` takes a color and numbers."""
    before = ""
    for token in tokens:
        yield token, _ORIGIN if before == "from" and function in _RELATIVE else function
        if token.type != "whitespace":
            before = token.lower_value if token.type == "ident" else ""


def _number_guard(begun: str) -> Guard:
    """Return what a value passes that continues a number of which the template has written this much."""
    if not begun or begun[-1] in "eE":
        return "number"
    return "digits" if "." in begun else "unsigned"


_NUMBER_WORDS: Final = re.compile(
    r"alpha|angle|columns|count|fraction|gap|height|index|length|number|offset|opacity|percent|pct|progress|radius|ratio|"
    r"rotation|scale|share|size|spacing|value|weight|width"
)
_COLOR_WORDS: Final = re.compile(r"colou?r|accent|background|bg|fg|foreground|brand|primary|secondary|tint|ink|theme")


def _custom_property_type(name: str) -> Literal["color", "number", "text"]:
    if _NUMBER_WORDS.search(name):
        return "number"
    return "color" if _COLOR_WORDS.search(name) else "text"
