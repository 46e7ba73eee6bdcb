"""What an expression has raised with the data of a poster, and what to write so that it does not."""

import re
from collections.abc import Iterator
from typing import Final

from jinja2 import TemplateError, UndefinedError
from jinja2.exceptions import SecurityError

from renderer.language.values import ValueRefusedError

_LENGTH: Final = re.compile(r"'(?:list|str) object' has no attribute '(?:length|size|count)'")
_UNCALLABLE: Final = re.compile(r"\w+ is not safely callable")
_OPERANDS: Final = re.compile(
    r"unsupported operand type\(s\) for .*"
    r"|can only concatenate str \(not \"(?:int|float)\"\) to str|can't multiply .*"
    r"|.* not supported between instances of .*"
    r"|not all arguments converted during string formatting"
    r"|type \w+ doesn't define __round__ method"
    r"|bad operand type for .*"
    r"|must be real number, not \w+"
    r"|%\w format: .*"
)
_NOT_ITERABLE: Final = re.compile(r"'(\w+)' object is not iterable")
_CALLED: Final = "calls a method that this value does not have; `.items()` is one of objects, `.split()` one of texts"


def described_failure(error: Exception) -> str:
    """Return why an expression failed, as a clause that follows it."""
    match error:
        case ValueRefusedError():
            return str(error)
        case UndefinedError():
            return valueless(str(error))
        case RecursionError() | ZeroDivisionError():
            return "divides by zero" if isinstance(error, ZeroDivisionError) else "is nested too deeply with this data"
        case SecurityError() if _UNCALLABLE.fullmatch(str(error)):
            return _CALLED
        case OverflowError() | TypeError() | ValueError() | TemplateError() | ArithmeticError() | AttributeError():
            return "; ".join((f"cannot be used like this: {error}", *_advice(str(error))))
    return f"cannot be used like this: {error!r}"


def valueless(reason: str) -> str:
    """Return that there is no value, and what to write where another language has a length there."""
    return "has no value; the length is `{{ items | length }}`" if _LENGTH.search(reason) else "has no value"


def _advice(message: str) -> Iterator[str]:
    """Yield what to write, in the words of templates, for what Python says of its types."""
    iterable = _NOT_ITERABLE.fullmatch(message)
    if iterable:
        is_null = iterable[1] == "NoneType"
        yield "null is no list; `value or []` is an empty one" if is_null else "`range(value)` counts"
    if not _OPERANDS.fullmatch(message):
        return
    if re.search(r"\bstr\b|string formatting", message):
        formats = ", `%` of a text formats it" if "formatting" in message else ""
        yield f"a text is no number; `value | float` is one{formats}, and `~` joins texts"
    if "NoneType" in message:
        yield "null is no number; `value | default(0)` is one"
