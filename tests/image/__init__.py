"""Carries out the Dockerfile without Docker, and tries the result under a container's restrictions."""
