"""A form, a page where the poster appears, and a button for all of them at once."""

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST
from django_posters.models import Job

from django_posters import request_poster, request_posters

from .models import Testimonial

TestimonialForm = forms.modelform_factory(Testimonial, fields=["author", "role", "company", "quote", "rating"])


def index(request: HttpRequest) -> HttpResponse:
    """Show every testimonial, and the progress of the latest batch."""
    job = Job.objects.filter(pk=request.GET.get("job", "")).first()
    testimonials = Testimonial.objects.select_related("poster").order_by("-pk")
    return render(request, "testimonials/index.html", {"testimonials": testimonials, "job": job})


def new(request: HttpRequest) -> HttpResponse:
    """Save the form, and request its poster in the same transaction."""
    form = TestimonialForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            testimonial = form.save()
            request_poster(testimonial)
        return redirect("testimonial", pk=testimonial.pk)
    return render(request, "testimonials/new.html", {"form": form})


def show(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one testimonial; its poster appears by itself."""
    testimonial = get_object_or_404(Testimonial.objects.select_related("poster"), pk=pk)
    return render(request, "testimonials/show.html", {"testimonial": testimonial})


@require_POST
def ask_for_all(request: HttpRequest) -> HttpResponse:
    """Request a new poster of every testimonial, as one job."""
    job = request_posters(Testimonial.objects.all(), reuse=False)
    return redirect(f"/?job={job.pk}")
