"""What counts as a color: CSS Color Module Level 4, without nested functions, so that a color can hold nothing else."""

import re
from typing import Final

from .addresses import BLANKS

_NAMES: Final = frozenset(
    """
    aliceblue antiquewhite aqua aquamarine azure beige bisque black blanchedalmond blue blueviolet brown burlywood
    cadetblue chartreuse chocolate coral cornflowerblue cornsilk crimson cyan darkblue darkcyan darkgoldenrod darkgray
    darkgreen darkgrey darkkhaki darkmagenta darkolivegreen darkorange darkorchid darkred darksalmon darkseagreen
    darkslateblue darkslategray darkslategrey darkturquoise darkviolet deeppink deepskyblue dimgray dimgrey dodgerblue
    firebrick floralwhite forestgreen fuchsia gainsboro ghostwhite gold goldenrod gray green greenyellow grey honeydew
    hotpink indianred indigo ivory khaki lavender lavenderblush lawngreen lemonchiffon lightblue lightcoral lightcyan
    lightgoldenrodyellow lightgray lightgreen lightgrey lightpink lightsalmon lightseagreen lightskyblue lightslategray
    lightslategrey lightsteelblue lightyellow lime limegreen linen magenta maroon mediumaquamarine mediumblue
    mediumorchid mediumpurple mediumseagreen mediumslateblue mediumspringgreen mediumturquoise mediumvioletred
    midnightblue mintcream mistyrose moccasin navajowhite navy oldlace olive olivedrab orange orangered orchid
    palegoldenrod palegreen paleturquoise palevioletred papayawhip peachpuff peru pink plum powderblue purple
    rebeccapurple red rosybrown royalblue saddlebrown salmon sandybrown seagreen seashell sienna silver skyblue
    slateblue slategray slategrey snow springgreen steelblue tan teal thistle tomato turquoise violet wheat white
    whitesmoke yellow yellowgreen currentcolor transparent
    """.split()  # noqa: SIM905
)
_HEX: Final = re.compile(r"#(?:[0-9a-fA-F]{3,4}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})")
_COMPONENT: Final = r"(?:none|[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:%|deg|rad|grad|turn)?)"
_SEPARATOR: Final = r"(?: *, *| +)"
_COLOR_SPACE: Final = r"(?:srgb|srgb-linear|display-p3|a98-rgb|prophoto-rgb|rec2020|xyz|xyz-d50|xyz-d65) +"
_FUNCTION: Final = re.compile(
    rf"(?:(?:rgba?|hsla?|hwb|lab|lch|oklab|oklch)\( *|color\( *{_COLOR_SPACE})"
    rf"{_COMPONENT}(?:{_SEPARATOR}{_COMPONENT}){{2}}(?:(?: *, *| */ *){_COMPONENT})? *\)",
    re.IGNORECASE,
)
_MAX_CHARACTERS: Final = 128


def is_color(text: str) -> bool:
    """Say whether `text` is a CSS color: a name, `#rgb`, `#rgba`, `#rrggbb`, `#rrggbbaa` or a color function."""
    text = text.strip(BLANKS)
    if len(text) > _MAX_CHARACTERS:
        return False
    if text.startswith("#"):
        return _HEX.fullmatch(text) is not None
    return text.lower() in _NAMES or _FUNCTION.fullmatch(text) is not None
