"""Settings are read once, and a wrong one is said in a sentence."""

import pytest

from streams.errors import SettingsError
from streams.settings import NAMES, read_settings


def test_every_setting_has_a_default() -> None:
    """An empty environment is enough, and names that are not ours are none of our business."""
    settings = read_settings({"PATH": "/bin", "AWS_REGION": "x"})

    assert settings.retry_delay_seconds == (10, 60, 600)


@pytest.mark.parametrize(
    ("environment", "part"),
    [
        ({"POSTERS_BROKER": "x"}, "did you mean POSTERS_BROKERS?"),
        ({"POSTERS_SESSION_TIMEOUT": "soon"}, "POSTERS_SESSION_TIMEOUT is `soon`"),
        ({"POSTERS_SESSION_TIMEOUT": "0"}, "above 0"),
        ({"POSTERS_STORAGE_URL": "ftp://x"}, "s3://"),
        ({"POSTERS_DATABASE_URL": "mysql://x"}, "postgresql://"),
        ({"POSTERS_RETRY_DELAYS": "1,2"}, "three numbers"),
    ],
)
def test_a_wrong_setting_is_named_with_what_to_do(environment: dict[str, str], part: str) -> None:
    """The sentence names the variable."""
    with pytest.raises(SettingsError, match=part.replace("?", r"\?")):
        read_settings(environment)


def test_names_follow_one_rule() -> None:
    """Every variable begins alike."""
    assert all(name.startswith("POSTERS_") and name.isupper() for name in NAMES)
