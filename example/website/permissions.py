"""Permissions of the example site."""

from django.http import HttpRequest
from django_posters.models import Job


def may_watch(request: HttpRequest, job: Job) -> bool:
    """Let everybody watch a job: its posters are on public pages."""
    return True
