"""URLs of live progress, for `path("posters/", include("django_posters.urls"))`."""

from django.urls import path

from .progress import views

app_name = "posters"
urlpatterns = [
    path("jobs/<str:job_id>/", views.progress, name="progress"),
    path("jobs/<str:job_id>/events/", views.progress_events, name="progress_events"),
]
