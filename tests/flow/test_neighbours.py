"""Two sites on one cluster: one of them sends more than its share."""

from schemas import topics
from schemas.requests import PosterRequested
from tests.flow.system import System, new_job, stamp

FLOOD = 60


def test_a_single_poster_does_not_wait_for_another_site(system: System) -> None:
    """It is there while most of what the other site sent before it is not, on the way of every role."""
    template = f"{system.upload('<p>{{ title }}</p>').section}_latest"
    system.outcome(system.request(template, {"title": "first"}))
    flood = [new_job() for _ in range(FLOOD)]
    other = {**stamp(), "source": "another site"}
    system.send_all(
        topics.POSTER_REQUESTS,
        {job: PosterRequested(**other, job_id=job, template_id=template, custom_data={"title": job}) for job in flood},
    )
    job = system.request(template, {"title": "neighbour"})
    assert system.outcome(job).status == "completed"
    before = {record.body["job_id"] for record in system.all(topics.POSTER_COMPLETIONS)}
    for each in flood:
        assert system.outcome(each).status == "completed"

    assert len(before.intersection(flood)) < FLOOD // 2
