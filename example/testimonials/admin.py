"""Testimonials in the admin, each with its poster."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django_posters.templatetags.posters import poster

from django_posters import request_poster

from .models import Testimonial


@admin.register(Testimonial)
class TestimonialAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Requests a poster whenever a testimonial is saved."""

    list_display = ("author", "company", "rating", "thumbnail")
    search_fields = ("author", "company", "quote")
    list_select_related = ("poster",)

    @admin.display(description="poster")
    def thumbnail(self, testimonial: Testimonial) -> SafeString:
        """Show the poster as a thumbnail."""
        return poster(testimonial, width=64)

    def save_model(self, request: HttpRequest, obj: Testimonial, form: Any, change: bool) -> None:
        """Save, and request a poster; the admin does both in one transaction."""
        super().save_model(request, obj, form, change)
        request_poster(obj)
