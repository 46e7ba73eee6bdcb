"""Tests of template uploads: straight to the broker, and those of installed apps."""
