"""On topics made with the broker's defaults, records carry their producers' times: a wrong clock delays nobody."""

import time
from typing import Final

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from schemas import topics
from schemas.codec import encode
from schemas.requests import PosterRequested
from tests.flow.system import System, new_job, stamp
from tests.streams.raw_batches import produce_raw, raw_batch, raw_record

DAY_MILLISECONDS: Final = 86_400_000
CREATE_TIME: Final = {"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str(2**63 - 1)}
YEAR_9999: Final = 253_402_300_799_999


@pytest.fixture(scope="module")
def skewed_system(idle_system: System) -> System:
    """The system on topics whose records have their producers' times, whatever these are."""
    admin = AdminClient({"bootstrap.servers": idle_system.brokers, "log_level": 0})
    for topic in (topics.POSTER_REQUESTS, topics.TEMPLATE_COMMANDS):
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in CREATE_TIME.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        for altered in admin.incremental_alter_configs([resource]).values():
            altered.result()
    idle_system.start_worker()
    return idle_system


def now() -> int:
    """Return the time in milliseconds."""
    return int(time.time() * 1000)


def request(system: System, template: str, timestamp: int, partition: int = 0) -> str:
    """Ask for a poster in a record of this time, and return its job."""
    job = new_job()
    event = PosterRequested(**stamp(), job_id=job, template_id=template, custom_data={"title": "x"})
    produce_raw(
        system.brokers,
        topics.POSTER_REQUESTS,
        raw_batch([raw_record(job.encode(), encode(event))], timestamp=timestamp),
        partition,
    )
    return job


@pytest.mark.parametrize(
    "timestamp",
    [-1, 0, -5_000, now() - DAY_MILLISECONDS, now() + DAY_MILLISECONDS, YEAR_9999, 2**62],
    ids=["none", "1970", "before 1970", "a day slow", "a day fast", "year 9999", "beyond"],
)
def test_a_request_of_any_time_is_answered_and_delays_nobody(skewed_system: System, timestamp: int) -> None:
    """It gets its poster and its row, and so does a request behind it in its partition."""
    template = f"{skewed_system.upload('<p>{{ title }}</p>').section}_latest"

    odd = request(skewed_system, template, timestamp)
    behind = request(skewed_system, template, now())

    assert skewed_system.outcome(odd).status == "completed"
    assert skewed_system.outcome(behind).status == "completed"
    assert skewed_system.eventually(
        lambda: skewed_system.rows(
            "SELECT 1 FROM template_generation_jobs WHERE job_id = ANY (%s) AND status = 'completed' "
            "AND requested_at <= now() HAVING count(*) = 2",
            [odd, behind],
        )
    )
