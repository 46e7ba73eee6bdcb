"""Chromium without the engine, and the documents that everybody draws: what the engine is compared with."""
