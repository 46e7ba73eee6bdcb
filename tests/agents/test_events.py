"""What roles publish stays the same byte for byte: consumers recognise a repeated event by its id."""

from pathlib import Path

import orjson

from streams.delivery import Record
from tests.agents.published import published

GOLDEN = Path(__file__).with_name("published.json")


def shown(record: Record) -> list[str]:
    """Return topic, key, value and headers of a record as texts."""
    headers = ", ".join(f"{name}={(value or b'').decode()}" for name, value in record.headers)
    return [record.topic, str(record.key), (record.value or b"").decode(), headers]


async def test_every_role_publishes_what_it_always_has(tmp_path: Path) -> None:
    """Records, their order, bytes and headers are those of the golden file, for every kind of poster and job event."""
    expected = orjson.loads(GOLDEN.read_bytes())
    cases = {case: [shown(record) for record in records] for case, records in (await published(tmp_path)).items()}

    assert list(cases) == list(expected)
    for case, records in cases.items():
        assert records == expected[case], case
