"""The earlier build of the rolling upgrades: what is said where it cannot be made."""

import pytest

from tests.faults.builds import THIS_BUILD, BuildError, earlier_build


def test_a_clone_without_the_commit_says_what_to_do() -> None:
    """A shallow clone has no earlier commit: the scenario ends with a sentence, and not within git."""
    with pytest.raises(BuildError) as raised:
        earlier_build("0" * 40)

    assert f"this clone has no commit {'0' * 40}" in str(raised.value)
    assert "git fetch --unshallow" in str(raised.value)


def test_a_build_says_which_command_failed() -> None:
    """A setup that fails ends the scenario with what it printed."""
    with pytest.raises(AssertionError, match=r"`posters setup` of this build: .*POSTERS_BROKER_SECURITY"):
        THIS_BUILD.run("setup", POSTERS_BROKER_SECURITY="none")
