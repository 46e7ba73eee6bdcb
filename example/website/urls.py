"""Every page of the example site."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("posters/", include("django_posters.urls")),
    path("", include("testimonials.urls")),
]
