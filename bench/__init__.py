"""Benchmarks: figures are ratios in one run on one machine. `python -m bench` measures and writes docs/performance.md."""
