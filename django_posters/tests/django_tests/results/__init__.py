"""Tests of results: outcomes, jobs, templates, the consumer and the placeholder backend."""
