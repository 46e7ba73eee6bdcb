"""Readers may be older than writers during an upgrade: a code that only the newer one knows is like any other."""

from typing import Any

import orjson
import pytest

from schemas.codec import ContractError, decode, encode
from schemas.outcomes import PosterOutcome
from tests.contract.published import example


def outcome(code: object) -> dict[str, Any]:
    """Return an outcome with a warning of this code."""
    return example("poster.completed") | {"warnings": [{"code": code, "message": "from the next version"}]}


def failure(code: object) -> dict[str, Any]:
    """Return an outcome that failed with this code."""
    return example("poster.failed") | {"error": {"code": code, "message": "new", "retryable": False}}


@pytest.mark.parametrize("body", [outcome("from_tomorrow"), failure("from_tomorrow")], ids=["warning", "error"])
def test_a_code_of_the_next_version_is_read(body: dict[str, Any]) -> None:
    """It arrives as it was written, and is written again as it was read."""
    read = decode(orjson.dumps(body), PosterOutcome)
    codes = [each.code for each in read.warnings] + ([read.error.code] if read.error else [])

    assert codes == ["from_tomorrow"]
    assert decode(encode(read), PosterOutcome) == read


@pytest.mark.parametrize("code", ["", "Upper", "a b", "a\n", "x" * 65, "\0", 1, None])
def test_what_is_no_code_is_refused(code: object) -> None:
    """A code is a word of lower-case letters, digits and underscores."""
    for body in (outcome(code), failure(code)):
        with pytest.raises(ContractError):
            decode(orjson.dumps(body), PosterOutcome)
