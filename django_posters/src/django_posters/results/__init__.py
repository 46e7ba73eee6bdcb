"""Results from the workers: consume them, apply them idempotently, and send the signals."""
