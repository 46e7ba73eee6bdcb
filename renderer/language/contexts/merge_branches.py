"""Where the branches of a condition meet again: they must all have ended in the same place."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from renderer.language.contexts.addresses import BOUNDARY, HEAD, is_in_url
from renderer.language.contexts.attributes import meaning_of
from renderer.language.contexts.markup import IN_TAG, VALUES, State
from renderer.language.contexts.places import describe


class BranchError(ValueError):
    """Branches end in different places, so that what follows would mean different things."""


def join(base: State, states: Sequence[State]) -> State:
    """Return the state after branches that all began in `base`. Raises BranchError."""
    return reduce(lambda one, other: _joined(base, one, other), states)


def same_place(one: State, other: State) -> bool:
    """Say whether what follows is read alike after both, whatever text came before."""
    return _place(one) == _place(other)


def _place(state: State) -> State:
    return replace(state, value="", attributes=frozenset(), count=0)


def _joined(base: State, one: State, other: State) -> State:
    attributes = one.attributes | other.attributes
    if same_place(one, other):
        return replace(
            one,
            attributes=attributes,
            count=max(one.count, other.count),
            value=_joined_value(one, base.value, one.value, other.value),
        )
    same_tag = (one.element, one.is_end, one.foreign) == (other.element, other.is_end, other.foreign)
    if one.kind in IN_TAG and other.kind in IN_TAG and same_tag:
        return replace(
            one,
            kind="tag_gap",
            attribute="",
            value="",
            partial="",
            attributes=attributes,
            count=one.count + other.count,
        )
    raise BranchError(
        f"the branches end in different places: one {describe(one)}, another {describe(other)}; "
        "each branch must close what it opens"
    )


def _joined_value(state: State, base: str, one: str, other: str) -> str:
    if one == other:
        return one
    if not (one.startswith(base) and other.startswith(base)):
        head = HEAD if HEAD in one or HEAD in other else ""
        return head + one + BOUNDARY + other + BOUNDARY
    tails = [tail for tail in (one[len(base) :], other[len(base) :]) if tail]
    head = HEAD if _is_in_address(state, base) or any(HEAD in tail for tail in tails) else ""
    return base + head + "".join(tail.removesuffix(BOUNDARY) + BOUNDARY for tail in tails)


def _is_in_address(state: State, text: str) -> bool:
    if state.kind in VALUES and meaning_of(state.element, state.attribute) == "address":
        return True
    return (state.kind == "raw" or state.kind in VALUES or state.styled) and is_in_url(text)
