"""Tests of the test support for sites."""
