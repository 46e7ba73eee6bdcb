"""The help of the command line, without any server."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from posters.main import COMMANDS, main


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_every_command_says_what_it_is_for(command: str) -> None:
    """`--help` shows the usage and at least a sentence about the command."""
    done = CliRunner().invoke(main, [command, "--help"])
    usage, description, *_ = done.stdout.split("\n\n")

    assert done.exit_code == 0
    assert usage.startswith(f"Usage: main {command}")
    assert description.strip().endswith(".")
    assert "Options:" not in description


def test_the_list_of_commands_has_a_whole_sentence_for_each() -> None:
    """In a narrow terminal sentences are wrapped and not truncated."""
    done = CliRunner().invoke(main, ["--help"], terminal_width=60)
    words = " ".join(done.stdout.split())

    assert all(f"{name} {sentence}" in words for name, sentence in COMMANDS.items())


def test_the_list_of_commands_loads_no_command() -> None:
    """`posters --help` answers without loading the browser's bindings or a Kafka client."""
    script = (
        "import sys; from posters.main import main; main(['--help'], standalone_mode=False);"
        "print(sorted({'playwright', 'faust', 'confluent_kafka', 'rich.progress'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"
