"""The cores that a process may use, by its affinity and its container's limit."""

import os
from pathlib import Path

import pytest

from renderer.cores import usable_cores


@pytest.mark.parametrize(
    ("limit", "cores"), [("max 100000", 16), ("400000 100000", 4), ("150000 100000", 2), ("9900000 100000", 16)]
)
def test_a_limit_counts_as_so_many_cores(
    limit: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container with a limit is a machine with less: parts of a core are counted as one."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))
    quota = tmp_path / "cpu.max"
    quota.write_text(f"{limit}\n")

    assert usable_cores(quota) == cores


def test_without_a_limit_those_count_on_which_the_process_may_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in a container without a limit."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5})

    assert usable_cores(tmp_path / "missing") == 2
