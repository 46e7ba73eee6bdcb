"""What the benchmarks found, as pages and plots."""
