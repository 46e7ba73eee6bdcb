"""Every page of the example site."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.static import serve

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("posters/", include("django_posters.urls")),
    path("", include("testimonials.urls")),
]

if settings.POSTER_FILES:  # posters that are kept in a directory have no server of their own
    urlpatterns.append(path("files/<path:path>", serve, {"document_root": settings.POSTER_FILES}))
