"""The short part of `make faults` that every test run has: power cuts at named places in the code."""

from pathlib import Path

import pytest

from tests.faults.scenarios import crash_points
from tests.faults.world import world


@pytest.mark.timeout(600)
def test_a_power_cut_at_a_named_place_costs_nothing(parts_directory: Path) -> None:
    """Whatever the worker was doing when it ended, every poster has one outcome, its object, and right counts."""
    with world(parts_directory / "power", seed=0, workers=1) as stage:
        recoveries = [*crash_points(stage, 2), *crash_points(stage, 2, first=4)]
        stage.settle()
        verdict = stage.ledger.check()

    assert len(recoveries) == 4
    assert verdict.posters > 4
    assert verdict.safe, verdict
