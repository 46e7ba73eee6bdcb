"""pytest plugin: the fixture `posters`. An entry point registers it, so a site imports nothing."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .testing import CapturedPosters


@pytest.fixture
def posters() -> "Iterator[CapturedPosters]":
    """The posters that the test requests: see `capture_posters()`."""
    # pytest loads plugins before Django is set up.
    from .testing import capture_posters  # noqa: PLC0415

    with capture_posters() as captured:
        yield captured
