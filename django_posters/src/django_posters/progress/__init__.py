"""Live progress of jobs: read it from the database, serve it as JSON and as server-sent events."""
