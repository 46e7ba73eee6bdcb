"""The report of an audit of templates: read again by a later audit, which compares with it."""

from pathlib import Path
from typing import Literal
from uuid import UUID

import msgspec

from posters.operations.errors import OperationError

Verdict = Literal["same", "changed", "failed", "uncompared"]
"""`failed`: it was filled and drawn before, and cannot be now. `uncompared`: there is nothing to compare it with."""


class AuditedInput(msgspec.Struct, frozen=True, kw_only=True):
    """One input of a version, and what came of it. `poster` is `job_id/poster_index`, None for the samples."""

    poster: str | None = None
    verdict: Verdict
    detail: str = ""
    text_sha256: str | None = None
    images: dict[str, str] = {}

    @property
    def is_change(self) -> bool:
        """Whether its text or a picture has changed, or is missing now."""
        return self.verdict in ("changed", "failed")


class AuditedVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A version with its inputs; `errors` say why it would be refused now."""

    template: str
    template_id: UUID
    errors: list[str] = []
    inputs: list[AuditedInput] = []

    @property
    def is_change(self) -> bool:
        """Whether somebody has to look at it."""
        return bool(self.errors) or any(each.is_change for each in self.inputs)


class AuditReport(msgspec.Struct, frozen=True, kw_only=True):
    """An audit. `fingerprint` says what drew; `next` is after which version to go on, None at the end."""

    fingerprint: str
    versions: list[AuditedVersion]
    next: str | None = None

    @property
    def changed(self) -> list[AuditedVersion]:
        """The versions that change."""
        return [version for version in self.versions if version.is_change]

    def find(self, template_id: UUID) -> AuditedVersion | None:
        """Return what was found of a version, or None."""
        return next((version for version in self.versions if version.template_id == template_id), None)


def read_report(file: Path) -> AuditReport:
    """Return the report in a file. Raises OperationError."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=AuditReport)
    except OSError as error:
        raise OperationError(f"{file} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise OperationError(f"{file} is no report of `posters templates audit --json`: {error}") from error
