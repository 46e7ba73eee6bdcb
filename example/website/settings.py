"""Settings of the example site, from the environment."""

import os
from pathlib import Path

from website.database import parse_database_url

BASE_DIR = Path(__file__).parents[1]

# Nothing here is served to anybody: the site has no pages yet that a secret would protect.
SECRET_KEY = os.environ.get("DJANGO_SECRET_KEY", "not-a-secret")

INSTALLED_APPS = ["django_posters", "testimonials"]

DATABASES = {"default": parse_database_url(os.environ.get("DATABASE_URL", f"sqlite:///{BASE_DIR / 'site.sqlite3'}"))}

POSTERS = {
    "BOOTSTRAP_SERVERS": os.environ.get("POSTERS_BROKERS", "localhost:9092"),
    "SITE": os.environ.get("DJANGO_SITE", "example"),
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
}
