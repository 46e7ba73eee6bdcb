"""The sink role: the only writer of jobs, results and logs."""
