"""What operators and clients do with a running system, without a terminal: commands call these functions and print."""
