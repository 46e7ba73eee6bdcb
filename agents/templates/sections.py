"""Whose a section is: the source of its first upload owns it, and commands of other sources are rejected.

Sections from before there were owners are everybody's, until an operator assigns them (`posters templates own`).
"""

from collections.abc import Set
from dataclasses import replace
from typing import Final

from agents.ownership import SOURCE_MISMATCH, named
from agents.templates.received_command import CommandRejectedError, rejection
from agents.templates.store import Section, TemplateStore
from schemas.templates import TemplateCommand, TemplateGet, TemplatePreview, TemplateUpload

EVERY_SECTION: Final = "*"


async def claim_section(command: TemplateCommand, store: TemplateStore, shared_sections: Set[str]) -> bool:
    """Check that a command's source may command its section, which it owns from its first upload on.

    What an upload says of the section is stored with that.

    `shared_sections` are those that the workers' settings share. Return whether all versions of the section changed by
    that. Call it with the section locked. Raises CommandRejectedError.
    """
    section = await store.section(command.section)
    if section is None:
        if isinstance(command, TemplateUpload):
            new = Section(
                is_owned=True,
                source=command.source,
                is_shared=bool(command.shared),
                is_private=bool(command.private),
            )
            await store.save_section(command.section, new)
        return False
    if not section.is_owned:
        if isinstance(command, TemplateUpload) and command.private:
            raise _mismatch(
                f"section `{command.section}` has no owner who could make it private; an operator assigns one"
            )
        return False
    is_owner = section.source == command.source
    is_shared = section.is_shared or not shared_sections.isdisjoint({command.section, EVERY_SECTION})
    only_reads = isinstance(command, TemplateGet | TemplatePreview) and not section.is_private
    if not (is_owner or is_shared or only_reads):
        raise _mismatch(
            f"section `{command.section}` belongs to {named(section.source)}, not to {named(command.source)}"
        )
    return isinstance(command, TemplateUpload) and await _save_usage(command, section, store, is_owner=is_owner)


async def _save_usage(command: TemplateUpload, section: Section, store: TemplateStore, *, is_owner: bool) -> bool:
    """Store how an upload wants its section to be used, and return whether that changed."""
    wanted = replace(
        section,
        is_shared=section.is_shared if command.shared is None else command.shared,
        is_private=section.is_private if command.private is None else command.private,
    )
    if wanted == section:
        return False
    if not is_owner:
        raise _mismatch(f"only {named(section.source)} may share section `{command.section}` or make it private")
    await store.save_section(command.section, wanted)
    return True


def _mismatch(message: str) -> CommandRejectedError:
    return rejection(SOURCE_MISMATCH, message)
