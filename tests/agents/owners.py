"""Owners of jobs in memory, for tests of roles without a database."""

from collections.abc import Sequence

from agents.intake.admission import Admission
from agents.ownership import Grant, JobCommand


class OwnersInMemory:
    """The first source that requests a job owns it."""

    def __init__(self, **owners: str | None) -> None:
        self.owners = owners

    async def claim(self, commands: Sequence[JobCommand]) -> list[Grant]:
        """Return the grants."""
        for command in commands:
            if command.kind == "request":
                self.owners.setdefault(command.job_id, command.source)
        return [self._grant(command) for command in commands]

    def _grant(self, command: JobCommand) -> Grant:
        if command.job_id not in self.owners:
            return Grant(standing="unknown")
        owner = self.owners[command.job_id]
        return Grant(
            standing="own" if owner == command.source else "foreign",
            owner=owner,
            recorded=max(0, command.generation - 1),
        )


def admission(**owners: str | None) -> Admission:
    """Return an admission that knows the owners of these jobs."""
    return Admission(OwnersInMemory(**owners))
