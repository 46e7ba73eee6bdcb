"""Tests of django_posters, on the example site, a real database and a real broker."""
