"""What is tried, row by row of docs/compatibility.md, and what comes of it. A test proves each row.

A test records that it passed, and with which version, in `out/compatibility`; `python -m tests.compatibility` writes
the page from those.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).parents[2] / "out" / "compatibility"
WORKS: Final = "works"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A row: `key` names its result, `area` its table."""

    key: str
    area: str
    name: str
    outcome: str = WORKS


CLIENTS: Final = "Clients"
BROKERS: Final = "Brokers"
TOPICS: Final = "Topics made beforehand"
DATABASES: Final = "Databases"
STORES: Final = "Stores"

REPAIRED: Final = "`posters doctor` names it with the wanted value and why; `posters setup` repairs it"

CASES: Final = (
    *(
        Case(key=f"librdkafka-{codec}", area=CLIENTS, name=f"librdkafka (confluent-kafka), `compression.type={codec}`")
        for codec in ("none", "gzip", "snappy", "lz4", "zstd")
    ),
    Case(
        key="transactions",
        area=CLIENTS,
        name="librdkafka, transactional producer",
        outcome="works; the records of an aborted transaction are never read",
    ),
    Case(key="java", area=CLIENTS, name="Java, Kafka's own client"),
    Case(key="franz", area=CLIENTS, name="Go, franz-go"),
    Case(key="segmentio", area=CLIENTS, name="Go, segmentio/kafka-go"),
    Case(key="node", area=CLIENTS, name="Node, kafkajs"),
    Case(key="rust", area=CLIENTS, name="Rust, rskafka"),
    Case(key="aiokafka", area=CLIENTS, name="Python, aiokafka"),
    Case(key="kafka-python", area=CLIENTS, name="Python, kafka-python"),
    Case(
        key="console", area=CLIENTS, name="a record as Redpanda Console's produce page writes it: indented, compressed"
    ),
    Case(
        key="other-key", area=CLIENTS, name="a key that is not the `job_id`", outcome="works; results have the `job_id`"
    ),
    Case(key="no-key", area=CLIENTS, name="no key, and an empty one", outcome="works; results have the `job_id`"),
    Case(key="kafka", area=BROKERS, name="Apache Kafka, one broker"),
    Case(
        key="cluster",
        area=BROKERS,
        name="Apache Kafka, three brokers",
        outcome="works, with three copies of each topic",
    ),
    Case(
        key="tansu",
        area=BROKERS,
        name="Tansu, records in memory",
        outcome=(
            "works, but records keep the times of their producers, whatever the topic is set to: with wrong clocks, "
            "`_latest` may name another version than was active"
        ),
    ),
    Case(key="create-time", area=TOPICS, name="`message.timestamp.type=CreateTime`", outcome=REPAIRED),
    Case(key="cleanup-policy", area=TOPICS, name="another `cleanup.policy`", outcome=REPAIRED),
    Case(key="max-message-bytes", area=TOPICS, name="a small `max.message.bytes`", outcome=REPAIRED),
    Case(key="retention", area=TOPICS, name="a short `retention.ms`, a `retention.bytes`", outcome=REPAIRED),
    Case(key="segment", area=TOPICS, name="a `segment.ms` above a day", outcome=REPAIRED),
    Case(
        key="fewer-partitions",
        area=TOPICS,
        name="fewer partitions",
        outcome="works; `posters setup`, `posters doctor` and the worker's log warn: fewer processes share the work",
    ),
    Case(key="more-partitions", area=TOPICS, name="more partitions"),
    Case(
        key="no-alter",
        area=TOPICS,
        name="a broker or a user without the right to alter topics",
        outcome="`posters setup` names each setting, its value, the wanted one, why, and the command that changes it",
    ),
    Case(key="postgres", area=DATABASES, name="PostgreSQL"),
    Case(
        key="pgbouncer",
        area=DATABASES,
        name="PgBouncer, transaction pooling",
        outcome="works; `posters rebuild` says that it needs the address of the server itself",
    ),
    Case(
        key="search-path",
        area=DATABASES,
        name="another schema than `public`, by `?search_path=` or by the user's `search_path`",
        outcome="works; a schema that does not exist, and a pooler that drops `search_path`, are named",
    ),
    Case(
        key="roles",
        area=DATABASES,
        name="no superuser: an owner with `CREATEROLE`, workers as users of the roles of `posters setup --grants`",
    ),
    Case(
        key="tls",
        area=DATABASES,
        name="`sslmode` `disable`, `require` and `verify-full`",
        outcome="works; a server that wants TLS, one that has none and an unknown CA are named with what to add",
    ),
    Case(key="s3", area=STORES, name="an S3 server, addressed by path"),
    Case(
        key="virtual",
        area=STORES,
        name="addressing by host only",
        outcome="works with `?addressing=virtual`; named without",
    ),
    Case(
        key="unconditional",
        area=STORES,
        name="no `If-None-Match` on PUT: refused, or ignored",
        outcome="does not work: the first image of a poster would not stay. `posters setup` and `doctor` say so",
    ),
    Case(key="no-head", area=STORES, name="no right to read objects", outcome="named with the right to grant"),
    Case(key="no-list", area=STORES, name="no right to list the bucket", outcome="named with the right to grant"),
    Case(key="no-delete", area=STORES, name="no right to delete objects", outcome="named with the right to grant"),
    Case(key="no-metadata", area=STORES, name="a gateway that drops metadata", outcome="named"),
    Case(
        key="no-xml",
        area=STORES,
        name="errors without XML, pages of a proxy",
        outcome="retried or named, as their status says",
    ),
    Case(key="unavailable", area=STORES, name="503 and 501", outcome="503 is retried; 501 is named"),
    Case(key="clock", area=STORES, name="a clock that differs", outcome="named"),
    Case(key="region", area=STORES, name="a bucket in another region", outcome="named with the `AWS_REGION` to set"),
)


def tried(key: str, version: str) -> None:
    """Record that the test of a row passed, with this version of what was tried."""
    assert key in {case.key for case in CASES}, key
    RESULTS.mkdir(parents=True, exist_ok=True)
    result = {"version": version, "date": f"{datetime.now(UTC):%Y-%m-%d}"}
    (RESULTS / f"{key}.json").write_text(json.dumps(result), encoding="utf-8")
