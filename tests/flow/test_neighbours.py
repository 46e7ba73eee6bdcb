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
    neighbour = system.outcome(job)
    others = [system.outcome(each) for each in flood]

    assert {each.status for each in (neighbour, *others)} == {"completed"}
    assert sum(each.occurred_at < neighbour.occurred_at for each in others) < FLOOD // 2
