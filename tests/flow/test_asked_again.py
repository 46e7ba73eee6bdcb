"""What a site sends to heal a poster: its request once more, and a replay of one poster of a batch."""

from msgspec import Raw

from schemas import topics
from schemas.codec import encode
from schemas.envelope import fact_id
from schemas.requests import BatchRequested, PosterRequested
from streams.delivery import Record
from streams.replay import GENERATION, ORIGIN
from tests.flow.system import System, new_job, stamp


def endings(system: System, job: str) -> list[tuple[int, int, str]]:
    """Return index, generation and status of each terminal event of a job, repeated ones included."""
    bodies = [record.body for record in system.all(topics.POSTER_COMPLETIONS) if record.key == job.encode()]
    return sorted((body["poster_index"], body["generation"], body["status"]) for body in bodies)


def test_request_that_is_sent_again_is_answered_again(system: System) -> None:
    """A site that missed the outcome sends its request once more under the same job: the outcome is stated again."""
    job, template = new_job(), f"{system.upload('<p>{{ title }}</p>').section}_latest"
    request = PosterRequested(
        **stamp() | {"event_id": fact_id("poster.requested", job)},
        job_id=job,
        template_id=template,
        custom_data={"title": "missed"},
        reuse=False,
    )
    system.send(topics.POSTER_REQUESTS, job, request)
    system.outcome(job)

    system.send(topics.POSTER_REQUESTS, job, request)

    assert system.eventually(lambda: endings(system, job) == [(0, 0, "completed")] * 2)


def test_replay_of_one_poster_of_a_batch_replaces_its_outcome(system: System) -> None:
    """A part with one poster, a generation and the total of the batch makes that poster again, and no other."""
    job, template = new_job(), f"{system.upload('<p>{{ title }}</p>').section}_latest"
    posters = [Raw(b'{"custom_data": {"title": "%d"}}' % number) for number in range(3)]
    batch = BatchRequested(**stamp(), job_id=job, template_id=template, posters=posters)
    system.send(topics.POSTER_REQUESTS, job, batch)
    for index in range(3):
        system.outcome(job, index)
    again = BatchRequested(
        **stamp(), job_id=job, template_id=template, posters=posters[1:2], first_index=1, total_count=3, reuse=False
    )

    system.produce(
        Record(
            topic=topics.POSTER_REQUESTS,
            key=job.encode(),
            value=encode(again),
            headers=((GENERATION, b"1"), (ORIGIN, f"{job}/1".encode())),
        )
    )

    expected = [(0, 0, "completed"), (1, 0, "completed"), (1, 1, "completed"), (2, 0, "completed")]
    assert system.eventually(lambda: endings(system, job) == expected)
    counts = "SELECT success_count, total_count FROM template_generation_jobs WHERE job_id = %s"
    assert system.eventually(lambda: [tuple(row.values()) for row in system.rows(counts, job)] == [(3, 3)])


def test_operator_replays_the_requests_of_the_job_itself(system: System) -> None:
    """Whatever their key is, and whatever another source has sent under the job since."""
    job, template = new_job(), f"{system.upload('<p>{{ title }}</p>').section}_latest"
    for key, source in (("any", "tests"), (job, "other")):
        request = PosterRequested(
            **stamp() | {"source": source}, job_id=job, template_id=template, custom_data={"title": source}
        )
        system.send(topics.POSTER_REQUESTS, key, request)
        system.outcome(job)
    system.eventually(system.sink_is_idle)

    done = system.command("replay", job)

    assert done.stdout.startswith("replayed 1 posters"), done.stderr
    assert system.eventually(lambda: endings(system, job) == [(0, 0, "completed"), (0, 1, "completed")])
    again = [record.body for record in system.all(topics.POSTER_REQUESTS) if GENERATION in dict(record.headers)]
    assert [event["source"] for event in again if event["job_id"] == job] == ["tests"]
