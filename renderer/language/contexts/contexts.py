"""Where a value stands in the document, and what may stand there."""

from dataclasses import dataclass
from typing import Final, Literal

from schemas.templates import DataType

Guard = Literal[
    "text",
    "plain",
    "address",
    "address_part",
    "candidate",
    "candidate_part",
    "css_address",
    "css_address_part",
    "sheet_address",
    "sheet_address_part",
    "color",
    "number",
    "unsigned",
    "digits",
    "color_or_number",
    "json",
    "fragment",
    "nowhere",
]
NUMBERS: Final[tuple[Guard, ...]] = ("number", "digits", "unsigned")
"""Those of numbers. A value of several such places passes the first: what suits any of them is not refused."""


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
