"""Tests of how the project is installed, built and started."""
