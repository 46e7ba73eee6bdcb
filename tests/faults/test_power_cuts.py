"""The short part of `make faults` that every test run includes: power cuts at failpoints in the code."""

from pathlib import Path

import pytest

from tests.faults.scenarios import crash_points
from tests.faults.world import world


@pytest.mark.timeout(600)
def test_a_power_cut_at_a_failpoint_loses_nothing(parts_directory: Path) -> None:
    """Wherever the worker exits, every poster has one outcome and its object, and all counts are right."""
    with world(parts_directory / "power", seed=0, fleet=((),)) as stage:
        recoveries = [*crash_points(stage, 1), *crash_points(stage, 1, first=4)]
        stage.settle()
        verdict = stage.ledger.check()

    assert len(recoveries) == 2
    assert verdict.posters > 2
    assert verdict.safe, verdict
