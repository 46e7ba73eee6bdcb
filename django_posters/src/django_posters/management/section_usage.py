"""The arguments `--shared` and `--private` of commands that upload templates."""

from django.core.management.base import CommandParser


def add_section_usage(parser: CommandParser) -> None:
    """Add both, and what withdraws them; without any of them a section stays as it is."""
    for name, meaning in (
        ("shared", "whether other sites may upload, activate and archive templates of the section"),
        ("private", "whether only this site may request posters of the section"),
    ):
        group = parser.add_mutually_exclusive_group()
        group.add_argument(f"--{name}", action="store_true", default=None, help=f"{meaning}; default: as it is")
        group.add_argument(f"--not-{name}", action="store_false", dest=name, default=None)
