"""Testimonials in the admin, each with its poster."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django_posters.admin import PosterAdminMixin

from django_posters import request_poster

from .models import Testimonial


@admin.register(Testimonial)
class TestimonialAdmin(PosterAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """Requests a poster whenever a testimonial is saved."""

    list_display = ("author", "company", "rating", "poster_thumbnail")
    readonly_fields = ("poster_picture",)
    search_fields = ("author", "company", "quote")

    def save_model(self, request: HttpRequest, obj: Testimonial, form: Any, change: bool) -> None:
        """Save, and request a poster; the admin does both in one transaction."""
        super().save_model(request, obj, form, change)
        request_poster(obj)
