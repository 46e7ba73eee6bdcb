"""The setting POSTERS, and the system checks."""

import re
from typing import Any

import pytest
from django.core.checks import run_checks
from django.db import connection, models
from django.test import override_settings
from django.test.utils import isolate_apps
from django_posters.checks import check_database
from django_posters.conf import get_settings
from django_posters.errors import PostersSettingsError
from testimonials import models as testimonials

from django_posters import PosterField

GOOD: dict[str, Any] = {"BOOTSTRAP_SERVERS": "localhost:9092", "SITE": "shop"}


def test_settings_are_read_and_follow_a_change() -> None:
    """Servers may be text or a list, and a changed setting is seen at once."""
    with override_settings(POSTERS=GOOD):
        first = get_settings()
        with override_settings(POSTERS={"BOOTSTRAP_SERVERS": ["a:1", "b:2"], "SITE": "blog"}):
            second = get_settings()
        third = get_settings()

    assert (first.bootstrap_servers, first.site, first.group) == ("localhost:9092", "shop", "django-shop")
    assert (second.bootstrap_servers, second.group) == ("a:1,b:2", "django-blog")
    assert third == first


def test_a_site_writes_to_its_own_topics_where_it_has_some() -> None:
    """`OWN_TOPICS` puts the site's name behind the topics that it writes, and changes nothing else."""
    with override_settings(POSTERS=GOOD):
        shared = get_settings().written_topic("poster-requests")
    with override_settings(POSTERS=GOOD | {"OWN_TOPICS": True}):
        own = get_settings().written_topic("poster-requests")

    assert (shared, own) == ("poster-requests", "poster-requests.shop")


@pytest.mark.parametrize(
    ("posters", "message"),
    [
        pytest.param(None, "POSTERS is missing; add POSTERS = {", id="missing"),
        pytest.param("localhost", "is a str; it takes a dict", id="not a dict"),
        pytest.param(GOOD | {"BOOTSTRAP_SERVER": ""}, "did you mean 'BOOTSTRAP_SERVERS'?", id="unknown key"),
        pytest.param({"SITE": "shop"}, '"BOOTSTRAP_SERVERS"] is missing; it takes "host:port"', id="no servers"),
        pytest.param(GOOD | {"BOOTSTRAP_SERVERS": []}, "name at least one", id="empty servers"),
        pytest.param(GOOD | {"BOOTSTRAP_SERVERS": "localhost"}, "names 'localhost'; it takes", id="no port"),
        pytest.param({"BOOTSTRAP_SERVERS": "a:1"}, '"SITE"] is None', id="no site"),
        pytest.param(GOOD | {"SITE": "my shop"}, "'my shop'; it takes a name", id="bad site"),
        pytest.param(GOOD | {"SITE": "x" * 65}, "1 to 64 of", id="long site"),
        pytest.param(GOOD | {"KAFKA_OPTIONS": 5}, "takes a dict of librdkafka", id="options"),
        pytest.param(GOOD | {"KAFKA_OPTIONS": {"acks": 0}}, "cannot set 'acks'; remove it", id="our option"),
        pytest.param(GOOD | {"BACKEND": "rabbit"}, 'takes "kafka" or "placeholder"', id="backend"),
        pytest.param(GOOD | {"BACKEND": []}, 'takes "kafka" or "placeholder"', id="backend type"),
        pytest.param(GOOD | {"PERMISSION": "no.such"}, "'no.such', cannot be imported", id="permission path"),
        pytest.param(GOOD | {"PERMISSION": 5}, "is 5; it takes a function of the request", id="permission"),
        pytest.param(GOOD | {"URL_SIGNER": "no.such"}, "'no.such', cannot be imported", id="signer path"),
        pytest.param(GOOD | {"URL_SIGNER": 5}, "is 5; it takes a function of the address", id="signer"),
        pytest.param(GOOD | {"TOPIC_PREFIX": "my topics"}, "it takes the POSTERS_TOPIC_PREFIX", id="prefix"),
        pytest.param(GOOD | {"RETRY_RECEIVERS": True}, "is True; it takes a timedelta", id="receivers"),
        pytest.param(GOOD | {"URL_LIFETIME": -1}, "is -1; it takes 0 to 365 days", id="lifetime"),
        pytest.param(GOOD | {"DEBOUNCE": "5s"}, "'5s'; it takes a timedelta, a number of seconds", id="debounce"),
        pytest.param(GOOD | {"DEBOUNCE": -1}, "is -1; it takes 0 to 365 days", id="negative debounce"),
        pytest.param(GOOD | {"DEGRADED_RETRY": 1e300}, "it takes 0 to 365 days", id="endless retry"),
        pytest.param(GOOD | {"DEGRADED_RETRY": True}, "is True; it takes a timedelta", id="retry"),
        pytest.param(GOOD | {"ERASE_ON_DELETE": "yes"}, "is 'yes'; it takes True or False", id="erase"),
        pytest.param(GOOD | {"MEDIA_BASE_URL": "/media/"}, "'/media/'; it takes an address such as", id="media"),
        pytest.param(GOOD | {"MEDIA_EMBED_MAX_BYTES": 10**6}, "takes 0 to 48,128", id="embedding"),
        pytest.param(GOOD | {"CONSOLE_URL": "console"}, "'console'; it takes an address such as", id="console"),
        pytest.param(GOOD | {"OWN_TOPICS": "shop"}, "'shop'; it takes True or False", id="own topics"),
    ],
)
def test_bad_settings_say_what_to_write(posters: object, message: str) -> None:
    """Every mistake is an error that names the key and the fix, and `manage.py check` reports it."""
    with override_settings(POSTERS=posters):
        with pytest.raises(PostersSettingsError, match=re.escape(message)):
            get_settings()
        reported = [error for error in run_checks() if error.id == "posters.E001"]

    assert message in str(reported[0].msg)


def test_good_site_passes_the_checks() -> None:
    """The example site has nothing to report."""
    with override_settings(POSTERS=GOOD):
        assert run_checks() == []


def test_placeholders_are_not_for_visitors() -> None:
    """The placeholder backend needs no broker; outside of DEBUG it is warned of."""
    posters = {"SITE": "shop", "BACKEND": "placeholder"}

    with override_settings(POSTERS=posters, DEBUG=True):
        assert run_checks() == []
    with override_settings(POSTERS=posters, DEBUG=False):
        [warning] = [found for found in run_checks() if found.id and found.id.startswith("posters")]

    assert (warning.id, warning.hint) == ("posters.W001", 'Remove it, or set it to "kafka".')


class _Elsewhere:
    """A router that writes testimonials to a database of their own."""

    def db_for_write(self, model: type[models.Model], **_: Any) -> str | None:
        return "elsewhere" if model._meta.app_label == "testimonials" else None


def test_rows_of_another_database_are_reported() -> None:
    """A field whose rows cannot share a transaction with the posters is an error before the site runs."""
    with override_settings(DATABASE_ROUTERS=[_Elsewhere()]):
        [error] = testimonials.Testimonial.check()

    assert error.id == "posters.E103"
    assert "written to 'elsewhere', posters to 'default'" in str(error.msg)


def test_server_without_skip_locked_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that cannot skip locked rows is named where the databases are asked, as in `migrate`."""
    monkeypatch.setattr(connection, "vendor", "mysql")
    monkeypatch.setattr(type(connection.features), "has_select_for_update_skip_locked", False)

    found = check_database(None, databases=["default"])

    assert [warning.id for warning in found] == ["posters.W002"]
    assert check_database(None, databases=None) == []


@isolate_apps("testimonials")
@pytest.mark.parametrize(
    ("field", "check", "message"),
    [
        pytest.param(PosterField("Quote", data=str), "posters.E101", "cannot be 'Quote'", id="section"),
        pytest.param(PosterField("quote_latest", data=str), "posters.E101", "quote_latest", id="latest"),
        pytest.param(PosterField("quote"), "posters.E102", "needs `data`", id="no data"),
        pytest.param(PosterField("quote", data="nope"), "posters.E102", "has no method 'nope'", id="no method"),
        pytest.param(PosterField("quote", data="no.such.thing"), "posters.E102", "cannot be imported", id="no path"),
        pytest.param(
            PosterField("quote", data=str, null=False, related_name="quotes", on_delete=models.CASCADE),
            "posters.E104",
            "takes no `null` and no `on_delete` and no `related_name`",
            id="options",
        ),
        pytest.param(PosterField("quote", data=str, alt="nope"), "posters.E105", "method or field 'nope'", id="alt"),
        pytest.param(PosterField("quote", data=str, alt="no.such"), "posters.E105", "be imported", id="alt path"),
        pytest.param(PosterField("quote", data=str, debounce=-1), "posters.E106", "is -1; it takes", id="debounce"),
    ],
)
def test_bad_field_is_reported(field: PosterField, check: str, message: str) -> None:
    """A field that request_poster() could not use is reported before the site runs."""
    model = type("Quote", (models.Model,), {"poster": field, "__module__": "testimonials.models"})

    reported = [error for error in model.check() if error.id == check]  # type: ignore[attr-defined]

    assert message in str(reported[0].msg)


def test_local_times_are_reported() -> None:
    """Without USE_TZ nothing could be stored of what the workers say: the check says what to set."""
    with override_settings(POSTERS=GOOD, USE_TZ=False):
        (error,) = [found for found in run_checks() if found.id == "posters.E001"]

    assert "set USE_TZ = True" in error.msg


def test_migration_does_not_depend_on_the_design() -> None:
    """What a poster shows and when is no part of a migration; the table's own options are."""
    field = PosterField("quote", data=str, alt="x", debounce=5, db_column="picture", verbose_name="picture")
    _, path, args, options = field.deconstruct()

    assert (path, args) == ("django_posters.fields.PosterField", [])
    assert options == {"db_column": "picture", "verbose_name": "picture"}


@pytest.mark.parametrize("data", [lambda row: {"name": row}, "django_tests.test_conf.name_of"])
def test_data_comes_from_a_function_or_its_path(data: Any) -> None:
    """`data` may be a function of the row, or the dotted path of one."""
    assert PosterField("quote", data=data).custom_data("the row") == {"name": "the row"}  # type: ignore[arg-type]


@pytest.mark.parametrize("alt", [lambda row: row.upper(), "django_tests.test_conf.shout", "upper"])
def test_alternative_text_comes_from_a_function_its_path_or_an_attribute(alt: Any) -> None:
    """`alt` may be a function of the row, the dotted path of one, or the name of a method or field."""
    assert PosterField("quote", data=str, alt=alt).alternative_text("ada") == "ADA"  # type: ignore[arg-type]
    assert PosterField("quote", data=str).alternative_text("ada") == ""  # type: ignore[arg-type]


def shout(row: str) -> str:
    return row.upper()


def name_of(row: object) -> dict[str, object]:
    return {"name": row}
