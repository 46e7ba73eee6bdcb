"""Object storage for images: one port, two adapters that pass the same tests."""
