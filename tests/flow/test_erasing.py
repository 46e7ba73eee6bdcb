"""Erasing through the topics: objects and data are deleted, and the requester gets an answer."""

from typing import Any

import botocore.exceptions
import pytest

from schemas import topics
from schemas.requests import PosterEraseRequested
from tests.flow.system import System, TopicRecord, stamp

HTML = "<p>{{ title }}</p>"


def is_gone(system: System, key: str) -> bool:
    """Return whether the object is absent."""
    try:
        system.stored(key)
    except botocore.exceptions.ClientError as error:
        status: int = error.response["ResponseMetadata"]["HTTPStatusCode"]
        return status == 404
    return False


def erased(system: System, job: str) -> TopicRecord:
    """Return the answer for a job."""
    return system.wait(
        topics.POSTER_COMPLETIONS, lambda record: record.key == job.encode() and record.body["type"] == "poster.erased"
    )


@pytest.mark.parametrize("by_job", [True, False], ids=["a job", "an entity"])
def test_what_was_made_is_gone_and_can_be_made_again(system: System, by_job: bool) -> None:
    """All variants and the data are deleted, another entity keeps its poster, and a later request is rendered again."""
    section = system.upload(HTML).section
    output = {"variants": [{"name": "a", "width": 40}, {"name": "b", "width": 50, "format": "jpeg"}]}
    ask = {"entity_id": "row/1", "output": output}
    job = system.request(f"{section}_latest", {"title": "Jane"}, **ask)
    other = system.outcome(system.request(f"{section}_latest", {"title": "John"}, entity_id="row/2"))
    outcome = system.outcome(job)
    named: dict[str, Any] = {"job_id": job} if by_job else {"section": section, "entity_id": "row/1"}
    request = PosterEraseRequested(**stamp(), **named)
    system.send(topics.POSTER_REQUESTS, job if by_job else "row/1", request)

    answer = erased(system, job).body
    rows = system.eventually(
        lambda: system.rows(
            "SELECT r.custom_data, j.input_data, j.status FROM template_poster_results r "
            "JOIN template_generation_jobs j USING (job_id) WHERE job_id = %s AND r.erased_at IS NOT NULL",
            job,
        )
    )
    again = system.outcome(system.request(f"{section}_latest", {"title": "Jane"}, **ask))

    assert (answer["poster_index"], answer["entity_id"], answer["source"]) == (0, "row/1", "tests")
    assert rows == [{"custom_data": {}, "input_data": {}, "status": "completed"}]
    assert (again.cached, again.object_key) == (False, outcome.object_key)
    assert not is_gone(system, again.object_key or "")
    assert not is_gone(system, other.object_key or "")


def test_objects_go_before_the_answer_comes(system: System) -> None:
    """Once the answer is published, every object is deleted."""
    section = system.upload(HTML).section
    job = system.request(f"{section}_latest", {"title": "x"}, output={"variants": [{"name": "a"}, {"name": "b"}]})
    outcome = system.outcome(job)
    system.send(topics.POSTER_REQUESTS, job, PosterEraseRequested(**stamp(), job_id=job))
    erased(system, job)

    assert [is_gone(system, image.object_key) for image in outcome.images] == [True, True]


def test_a_poster_that_is_erased_at_once_has_one_outcome_and_leaves_nothing(system: System) -> None:
    """Intake and the sink learn of the request and of its erasure in any order: it ends once, and is erased then."""
    section = system.upload(HTML).section
    jobs = []
    for number in range(10):
        jobs.append(system.request(f"{section}_latest", {"title": str(number)}, entity_id=str(number)))
        system.send(topics.POSTER_REQUESTS, jobs[-1], PosterEraseRequested(**stamp(), job_id=jobs[-1]))
    for job in jobs:
        erased(system, job)
    outcomes = [record.body for record in system.all(topics.POSTER_COMPLETIONS) if record.body["job_id"] in jobs]
    keys = [outcome["object_key"] for outcome in outcomes if outcome["status"] == "completed"]

    assert sorted(outcome["status"] for outcome in outcomes) == ["completed"] * 10 + ["erased"] * 10
    assert all(is_gone(system, key) for key in keys)


def test_an_unknown_job_is_answered_too(system: System) -> None:
    """A request to erase an unknown job is answered."""
    system.send(topics.POSTER_REQUESTS, "nobody", PosterEraseRequested(**stamp(), job_id="nobody"))

    assert erased(system, "nobody").body["entity_id"] == "unknown"
