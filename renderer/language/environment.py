"""Jinja2's sandbox, reduced: templates reach keys and indexes of JSON values, and a closed list of methods.

Jinja2's own sandbox keeps templates away from internals of Python objects. This one goes further and turns the rule
around: nothing of an object can be reached but what is listed here. Values come from JSON, so little is needed.
"""

from collections.abc import Callable
from typing import Any, Final

from jinja2 import Undefined
from jinja2 import filters as jinja_filters
from jinja2.runtime import LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment, safe_range
from jinja2.utils import Cycler, Joiner, Namespace, pass_environment
from markupsafe import Markup

from renderer.language.filters import FILTERS
from renderer.language.values import ValueRefusedError

LOOP_ATTRIBUTES: Final = frozenset(
    {
        *("index", "index0", "revindex", "revindex0", "first", "last", "length", "depth", "depth0"),
        *("previtem", "nextitem", "cycle", "changed"),
    }
)
TEXT_METHODS: Final = frozenset(
    {
        *("capitalize", "casefold", "center", "count", "endswith", "find", "format", "isalnum", "isalpha", "isascii"),
        *("isdecimal", "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "join", "ljust", "lower"),
        *("lstrip", "partition", "removeprefix", "removesuffix", "replace", "rfind", "rjust", "rpartition", "rsplit"),
        *("rstrip", "split", "splitlines", "startswith", "strip", "swapcase", "title", "upper", "zfill"),
    }
)
LIST_METHODS: Final = frozenset({"count", "index"})
OBJECT_METHODS: Final = frozenset({"get", "items", "keys", "values"})
METHODS: Final = TEXT_METHODS | LIST_METHODS | OBJECT_METHODS | {"cycle", "changed", "next", "reset"}
"""What can be called after a dot, of whatever value."""
FUNCTIONS: Final = frozenset({"range", "dict", "namespace", "cycler", "joiner"})
CALLED: Final = "()"
"""Marks the name of an attribute that is called: of an object, the method comes before a key of the same name."""
EXPONENT_MAX: Final = 1_000
INTEGER_BITS_MAX: Final = 4_096

_ATTRIBUTES: Final[tuple[tuple[type[Any], frozenset[str]], ...]] = (
    (str, TEXT_METHODS),
    (jinja_filters._GroupTuple, frozenset({"grouper", "list"})),
    (list, LIST_METHODS),
    (tuple, LIST_METHODS),
    (dict, OBJECT_METHODS),
    (LoopContext, LOOP_ATTRIBUTES),
    (Cycler, frozenset({"current", "next", "reset"})),
)
_CALLABLE_TYPES: Final = (Macro, LoopContext, Joiner)


class MissingValue(Undefined):
    """A value that was not given. Parts of it are missing too, so that `default` helps at any depth."""

    def __getattr__(self, name: str) -> Any:
        if name[:2] == "__":
            raise AttributeError(name)
        return self

    def __getitem__(self, _: Any) -> "MissingValue":  # type: ignore[override]
        return self


class PosterEnvironment(ImmutableSandboxedEnvironment):
    """Jinja2's language as templates of posters have it. Everything is escaped, nothing can be changed or reached."""

    intercepted_binops = frozenset({"**"})

    def __init__(self) -> None:
        super().__init__(
            autoescape=True,
            undefined=MissingValue,
            extensions=["jinja2.ext.loopcontrols"],
            # Folding would run filters while the template is compiled, where no place is known.
            optimized=False,
        )
        self.globals = {
            "range": safe_range,
            "dict": dict,
            "namespace": Namespace,
            "cycler": Cycler,
            "joiner": Joiner,
        }
        self.filters.update(FILTERS)
        self.filters["attr"] = _attribute
        for name in REFUSED_FILTERS:
            self.filters.pop(name, None)
        self._callables = {safe_range, dict, Namespace, Cycler, Joiner}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return what `obj.attribute` means: a key of an object, or one of the listed attributes."""
        if isinstance(obj, Undefined):
            return obj
        name = attribute.removesuffix(CALLED)
        if isinstance(obj, Namespace):
            return self.getitem(obj, name)
        if isinstance(obj, dict) and name in obj and not (attribute != name and name in OBJECT_METHODS):
            return obj[name]
        for kind, names in _ATTRIBUTES:
            if isinstance(obj, kind) and name in names:
                return getattr(obj, name)
        return self.undefined(obj=obj, name=name)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return what `obj[argument]` means: a key, an index, or one of the listed attributes."""
        if isinstance(obj, Undefined):
            return obj
        try:
            return obj[argument]
        except (AttributeError, TypeError, LookupError):
            if isinstance(argument, str):
                return self.getattr(obj, str(argument))
            return self.undefined(obj=obj, name=argument)

    def is_safe_callable(self, obj: Any) -> bool:
        """Say whether a template may call this: its own macros, and what `getattr` gives."""
        if isinstance(obj, _CALLABLE_TYPES):
            return True
        owner = getattr(obj, "__self__", None)
        if owner is not None and isinstance(owner, (str, list, tuple, dict, LoopContext, Cycler)):
            return getattr(obj, "__name__", "") in METHODS
        return isinstance(obj, Callable) and obj in self._callables  # type: ignore[arg-type]

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Return a power, unless it has more digits than anybody prints."""
        integers = isinstance(left, int) and isinstance(right, int)
        if integers and right > 0 and (right > EXPONENT_MAX or left.bit_length() * right > INTEGER_BITS_MAX):
            raise ValueRefusedError("the number is too large")
        return super().call_binop(context, operator, left, right)


REFUSED_FILTERS: Final = frozenset({"safe", "xmlattr", "random"})


@pass_environment
def _attribute(environment: PosterEnvironment, value: Any, name: str) -> Any:
    """Jinja2's `attr`, which would reach past the rules of this environment."""
    return environment.getattr(value, name)


def plain_slice(value: Any, start: Any, stop: Any, step: Any) -> Any:
    """Return `value[start:stop:step]`. A part of markup is a plain text: it may end in the middle of a tag."""
    part = value[start:stop:step]
    return str(part) if isinstance(part, Markup) else part
