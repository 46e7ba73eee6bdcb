"""Where images are kept: one port, two adapters that pass the same tests."""
