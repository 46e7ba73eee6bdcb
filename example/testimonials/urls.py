"""The pages of the testimonials."""

from django.urls import path

from . import views

urlpatterns = [
    path("", views.index, name="index"),
    path("new/", views.new, name="new"),
    path("<int:pk>/", views.show, name="testimonial"),
    path("all/", views.ask_for_all, name="ask_for_all"),
]
