"""Template sandbox: templates are checked and filled in child processes with limits, never in the worker itself."""
