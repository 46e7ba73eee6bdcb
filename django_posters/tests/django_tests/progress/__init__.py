"""Tests of live progress: JSON and server-sent events."""
