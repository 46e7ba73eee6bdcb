"""Testimonials of customers, each with a poster to share."""

from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from django_posters import PosterField


class Testimonial(models.Model):
    """A quote of a customer."""

    author = models.CharField(max_length=80)
    role = models.CharField(max_length=80, blank=True)
    company = models.CharField(max_length=80, blank=True)
    quote = models.TextField(max_length=600)
    rating = models.FloatField(validators=[MinValueValidator(0), MaxValueValidator(5)])
    language = models.CharField(max_length=10, default="en")
    poster = PosterField("testimonial", data="poster_data", alt="poster_alt")
    poster_url = models.URLField(max_length=2000, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.author}: {self.quote[:40]}"

    def poster_alt(self) -> str:
        """Return what the poster says, for those who cannot see it."""
        return f"{self.author}: {self.quote}"

    def poster_data(self) -> dict[str, Any]:
        """Return the data of the poster."""
        return {
            "author": self.author,
            "role": self.role,
            "company": self.company,
            "quote": self.quote,
            "rating": self.rating,
            "language": self.language,
        }
