"""Benchmarks: figures are ratios in one run on one machine. `python -m bench` makes docs/performance.md of them."""
