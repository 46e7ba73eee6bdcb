"""Progress of jobs: status and counts, read by one query and serialized for pages."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from django.db.models import OuterRef, Subquery

from django_posters.database import database_alias
from django_posters.models import FINISHED, Job, Poster
from django_posters.signing import readable_address


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Status and counts of a job at one moment. `url` is that of its poster where it has only one."""

    job_id: str
    status: str
    total_count: int
    success_count: int
    failure_count: int
    cancelled_count: int
    revision: int
    url: str = ""

    @property
    def is_finished(self) -> bool:
        """Whether no further change will come."""
        return self.status in FINISHED

    @property
    def event_id(self) -> str:
        """The id of the server-sent event, which a reconnecting page sends as Last-Event-ID."""
        return f"{self.revision}-{self.status}"

    def as_json(self) -> dict[str, Any]:
        """Return the JSON object that pages receive."""
        finished = self.success_count + self.failure_count + self.cancelled_count
        return asdict(self) | {"finished_count": finished, "is_finished": self.is_finished}


def read_progress(job_ids: Iterable[str]) -> dict[str, Progress]:
    """Return the progress of each existing job, by one query."""
    using = database_alias()
    # The outcome of a single poster may be known before that of its job, and the page waits for the poster.
    only = Poster.objects.using(using).filter(job_id=OuterRef("pk"), poster_index=0)
    jobs = Job.objects.using(using).filter(pk__in=list(job_ids))
    rows = jobs.annotate(only_status=Subquery(only.values("status")), only_url=Subquery(only.values("url")))
    return {job.pk: _progress(job, job.only_status, readable_address(job.only_url or "")) for job in rows}


def _progress(job: Job, only_status: str | None, only_url: str) -> Progress:
    counts = {"completed": job.success_count, "failed": job.failure_count, "cancelled": job.cancelled_count}
    status, url = str(job.status), ""
    if job.total_count == 1 and only_status is not None:
        status, url = only_status, only_url
        counts = {name: int(name == status) for name in counts}
    return Progress(
        job_id=job.pk,
        status=status,
        total_count=job.total_count,
        success_count=counts["completed"],
        failure_count=counts["failed"],
        cancelled_count=counts["cancelled"],
        revision=job.revision,
        url=url,
    )
