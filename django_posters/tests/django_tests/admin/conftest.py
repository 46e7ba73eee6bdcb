"""Fixtures of the tests of the admin: a site, and a client that is logged in."""

from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client

from django_tests.admin.pages import logged_in
from django_tests.site import Site


@pytest.fixture
def site(postgres_url: str) -> Iterator[Site]:
    """The site on PostgreSQL, without a broker."""
    with Site(database_url=postgres_url, broker="127.0.0.1:9") as site:
        yield site


@pytest.fixture
def admin(site: Site) -> Client:
    """A client that is logged in as a superuser."""
    return logged_in(User.objects.create_superuser("admin"))
