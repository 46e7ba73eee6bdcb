"""Secrets do not reach a terminal or a log."""

import logging

import pytest
from click.testing import CliRunner

from posters.main import CommandError, main
from posters.masking import mask_secrets
from streams.logs import JsonFormatter, TextFormatter

SECRET = "hunter2-x"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        (f"s3://key:{SECRET}@bucket/prefix refuses", "s3://***@bucket/prefix refuses"),
        (f"at postgresql://user:{SECRET}@db:5432/posters:", "at postgresql://***@db:5432/posters:"),
        (f"postgresql://user:p@{SECRET}@db/posters", "postgresql://***@db/posters"),
        (
            f"postgresql://db/posters?password={SECRET}&sslmode=require",
            "postgresql://db/posters?password=***&sslmode=require",
        ),
        (f"sasl.password={SECRET}, sasl.username=me", "sasl.password=***, sasl.username=me"),
        (f"{{'password': '{SECRET}', 'user': 'me'}}", "{'password': '***', 'user': 'me'}"),
        (f"host=db password='{SECRET}'", "host=db password='***'"),
        ("see https://example.com/a@b and mail@example.com", "see https://example.com/a@b and mail@example.com"),
        ("password authentication failed for user `posters`", "password authentication failed for user `posters`"),
        ("it wants POSTERS_BROKER_USERNAME and POSTERS_BROKER_PASSWORD", None),
    ],
)
def test_secrets_of_urls_and_parameters_are_masked_wherever_they_stand(text: str, masked: str | None) -> None:
    """User info and passwords are replaced; addresses, names and all other words stay readable."""
    assert mask_secrets(text, {}) == (text if masked is None else masked)


@pytest.mark.parametrize(
    ("name", "value", "text", "masked"),
    [
        ("POSTERS_BROKER_PASSWORD", SECRET, f"the broker refuses `{SECRET}`", "the broker refuses `***`"),
        ("POSTERS_BROKER_PASSWORD", "post", "run `posters setup`", "run `posters setup`"),
        ("AWS_SECRET_ACCESS_KEY", SECRET, f"signed with {SECRET}", "signed with ***"),
        ("POSTERS_STORAGE_URL", f"s3://key:{SECRET}@bucket", f"bucket `key:{SECRET}@bucket`", "bucket `***@bucket`"),
        ("POSTERS_DATABASE_URL", f"postgresql://u:a/{SECRET}@db/x", f"no u:a/{SECRET}@db", "no ***@db"),
        ("POSTERS_BROKERS", f"a:1,u:{SECRET}@b:2", f"none at a:1,u:{SECRET}@b:2", "none at a:1,***@b:2"),
    ],
)
def test_secrets_of_the_settings_are_masked_without_their_url(name: str, value: str, text: str, masked: str) -> None:
    """A secret of this process is masked also where only a part of its URL is quoted, and only as a whole word."""
    assert mask_secrets(text, {name: value}) == masked


def test_an_error_message_shows_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever command fails, and whoever wrote its message."""
    CommandError(f"s3://key:{SECRET}@bucket is no bucket").show()

    assert capsys.readouterr().err == "posters: s3://***@bucket is no bucket\n"


def test_a_refused_setting_is_quoted_without_its_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A storage URL with a typing error in its scheme is named, its credentials are not."""
    monkeypatch.setenv("POSTERS_STORAGE_URL", f"s4://key:{SECRET}@bucket")
    done = CliRunner().invoke(main, ["doctor"])

    assert done.exit_code == 1
    assert "s4://***@bucket" in done.stderr
    assert SECRET not in done.output


def test_the_doctor_shows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each part is unavailable and named; credentials of database and storage stay unknown."""
    monkeypatch.setenv("POSTERS_BROKERS", "127.0.0.1:1")
    monkeypatch.setenv("POSTERS_DATABASE_URL", f"postgresql://user:{SECRET}@127.0.0.1:1/posters")
    monkeypatch.setenv("POSTERS_STORAGE_URL", f"s3://key:{SECRET}@bucket")
    done = CliRunner().invoke(main, ["doctor"])

    assert done.exit_code == 1
    assert "***@bucket" in done.stdout
    assert SECRET not in done.output


def test_log_lines_are_masked_and_escaped() -> None:
    """The worker's log holds neither secrets nor control characters, in messages and in tracebacks."""
    with pytest.raises(ValueError, match="postgresql") as raised:
        raise ValueError(f"postgresql://user:{SECRET}@db \x1b[2J")
    failure = (raised.type, raised.value, raised.tb)
    record = logging.LogRecord("posters", logging.ERROR, __file__, 1, "no s3://k:%s@b \u202e", (SECRET,), failure)
    lines = TextFormatter(mask_secrets).format(record)
    content = JsonFormatter(mask_secrets).format(record)

    assert "no s3://***@b \\u202e\n  Traceback" in lines
    assert lines.endswith("ValueError: postgresql://***@db \\u001b[2J")
    assert SECRET not in content
    assert "postgresql://***@db" in content
