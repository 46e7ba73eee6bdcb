"""Tests of requests: single, batches, reuse, cancellation and erasure."""
