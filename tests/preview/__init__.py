"""Tests of what a designer runs: previews, watching, audits, the tutorial."""
