"""Where a value stands in the document, and what may stand there."""

from dataclasses import dataclass
from typing import Final, Literal

from schemas.templates import DataType

Guard = Literal[
    "text",
    "plain",
    "address",
    "address_rest",
    "address_part",
    "svg_part",
    "candidate",
    "candidate_part",
    "css_address",
    "css_address_part",
    "sheet_address",
    "sheet_address_part",
    "sheet_svg_part",
    "color",
    "number",
    "unsigned",
    "digits",
    "color_or_number",
    "json",
    "fragment",
    "nowhere",
]
ALIKE: Final[tuple[tuple[Guard, ...], ...]] = (
    ("number", "digits", "unsigned"),
    ("address_rest", "address_part", "svg_part"),
    ("css_address_part", "svg_part"),
    ("sheet_address_part", "sheet_svg_part"),
)
"""Those of a value that may stand in several such places. It passes the first of them."""


@dataclass(frozen=True, slots=True)
class Use:
    """One way a value is used: what lets it through, what type that asks for, and where it is, in words."""

    guard: Guard
    data_type: DataType
    where: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the tokenizer saw a value: in text (`element` is empty), in a raw element, or in an attribute."""

    element: str = ""
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why no value can stand there."""

    reason: str
    takes_branches: bool = False
    """Whether words of the template can stand there, in the branches of a condition too."""
