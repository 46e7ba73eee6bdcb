"""The fixture `posters`, for sites that test with pytest: nothing has to be imported for it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .testing import CapturedPosters


@pytest.fixture
def posters() -> "Iterator[CapturedPosters]":
    """The posters that the test asks for: see `capture_posters()`."""
    # pytest loads plugins before Django is set up.
    from .testing import capture_posters  # noqa: PLC0415

    with capture_posters() as captured:
        yield captured
