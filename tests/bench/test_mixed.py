"""The templates of the long run, and the arithmetic of that run."""

from random import Random

import orjson
import pytest

from bench.memory import _thousands
from bench.mixed import KINDS, Kind
from renderer.language.template import Template
from schemas.limits import CUSTOM_DATA_MAX_BYTES


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_kind_makes_documents_that_differ(kind: Kind) -> None:
    """Of one template and within the limits of a request; equal posters would be answered from storage."""
    template, random = Template(kind.html), Random(1)  # noqa: S311 - no secret
    data = [kind.data(random) for _ in range(20)]

    assert len({template.render(each) for each in data}) >= 19
    assert max(len(orjson.dumps(each)) for each in data) < CUSTOM_DATA_MAX_BYTES


def test_thousands_are_counted_in_the_order_of_completion() -> None:
    """Whatever order the completions are read in; what is left over at the end is no thousand."""
    moments = [*(each / 10 for each in range(1_000)), *(100 + each / 20 for each in range(1_500))]

    assert _thousands(moments[::-1]) == pytest.approx([10, 20])
