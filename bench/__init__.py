"""Benchmarks: figures are ratios in one run on one machine. `python -m bench` runs the whole system."""
