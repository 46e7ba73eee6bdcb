"""Whether a role is alive: liveness, watchdog, lag, memory and the status server."""
