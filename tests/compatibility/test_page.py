"""The page of what was tried is the one that the tests write, for what is tried now."""

import re
from pathlib import Path

from tests.compatibility.cases import CASES
from tests.compatibility.page import DOCUMENT, NOT_TRIED, document, results_of
from tests.compatibility.test_clients import LIBRDKAFKA, pinned
from tests.compatibility.test_topics import kafka_version

HERE = Path(__file__).parent


def test_the_page_is_current() -> None:
    """Its rows, outcomes and words are those of the code; nothing is left untried."""
    page = DOCUMENT.read_text(encoding="utf-8")

    assert document(results_of(page)) == page
    assert NOT_TRIED not in page


def test_its_versions_are_those_that_are_pinned() -> None:
    """A version that this tree pins is the one that was tried."""
    tried = {key: result["version"] for key, result in results_of(DOCUMENT.read_text(encoding="utf-8")).items()}
    script = (HERE.parents[1] / "scripts" / "compatibility-parts.sh").read_text(encoding="utf-8")

    assert tried["java"] == tried["kafka"] == tried["cluster"] == kafka_version()
    assert tried["franz"] == pinned("go/go.mod", r"twmb/franz-go v(\S+)")
    assert tried["segmentio"] == pinned("go/go.mod", r"segmentio/kafka-go v(\S+)")
    assert tried["node"] == pinned("node/package.json", r'"kafkajs": "(\S+)"')
    assert tried["rust"] == pinned("rust/Cargo.toml", r'rskafka = "=(\S+)"')
    assert f"kafka-python=={tried['kafka-python']}" in script
    assert tried["transactions"] == LIBRDKAFKA


def test_every_row_has_a_test() -> None:
    """A row without a test that records it would never be tried again."""
    source = "".join(
        path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py") if path.name != Path(__file__).name
    )
    recorded = set(re.findall(r'"([a-z0-9-]+)"', source))

    assert {case.key for case in CASES if not case.key.startswith("librdkafka-")} <= recorded
