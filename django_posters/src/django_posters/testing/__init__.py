"""Test support for sites: capture requested posters and apply results, without a broker or workers."""

from .capture import CapturedPosters, capture_posters
from .captured_poster import CapturedPoster

__all__ = ["CapturedPoster", "CapturedPosters", "capture_posters"]
