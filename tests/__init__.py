"""Tests, on real parts: see `tests.parts`."""
