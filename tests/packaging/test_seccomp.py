"""The seccomp profile of render: an allow list under which Chromium works with its sandbox, and attacks do not."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.seccomp_trial import draw, under

PROFILE: dict[str, Any] = json.loads(
    (Path(__file__).parents[2] / "docker" / "chromium-seccomp.json").read_text(encoding="utf-8")
)
ALLOWED = {name for rule in PROFILE["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" for name in rule["names"]}
WITHOUT_CONDITION = {
    name
    for rule in PROFILE["syscalls"]
    if rule["action"] == "SCMP_ACT_ALLOW" and not rule.get("args")
    for name in rule["names"]
}


def test_profile_is_an_allow_list() -> None:
    """A call that nobody listed is refused, also one that a later kernel adds."""
    assert PROFILE["defaultAction"] == "SCMP_ACT_ERRNO"
    assert PROFILE["defaultErrnoRet"] == 1


def test_profile_means_the_same_to_every_runtime() -> None:
    """No field that Docker knows and containerd ignores: a condition that is ignored would allow the call always."""
    assert PROFILE.keys() == {"defaultAction", "defaultErrnoRet", "architectures", "syscalls"}
    for rule in PROFILE["syscalls"]:
        assert rule.keys() <= {"comment", "names", "action", "args", "errnoRet"}


def test_no_call_is_listed_that_attacks_begin_with() -> None:
    """The kernel's administration and the usual ways out of a container are not among the calls."""
    refused = [
        "add_key",
        "bpf",
        "delete_module",
        "fanotify_init",
        "finit_module",
        "init_module",
        "io_uring_enter",
        "io_uring_register",
        "io_uring_setup",
        "kcmp",
        "kexec_load",
        "keyctl",
        "lookup_dcookie",
        "mbind",
        "mknod",
        "mknodat",
        "mount",
        "move_mount",
        "move_pages",
        "name_to_handle_at",
        "open_by_handle_at",
        "open_tree",
        "perf_event_open",
        "pidfd_getfd",
        "pivot_root",
        "process_madvise",
        "process_vm_readv",
        "process_vm_writev",
        "ptrace",
        "quotactl",
        "reboot",
        "request_key",
        "setdomainname",
        "sethostname",
        "setns",
        "settimeofday",
        "swapon",
        "syslog",
        "umount2",
        "userfaultfd",
    ]

    assert not ALLOWED & set(refused)
    assert not WITHOUT_CONDITION & {"clone", "clone3", "unshare", "socket", "personality"}


def test_chromium_draws_under_the_profile_with_its_sandbox_on() -> None:
    """A user without privileges gets a picture; neither --no-sandbox nor a capability is needed."""
    outcome = draw(PROFILE)

    assert outcome.code == 0, outcome.output
    assert outcome.picture > 0, outcome.output


def test_profile_is_what_gives_chromium_its_sandbox() -> None:
    """Without the rule for namespaces, as under a runtime's default, Chromium refuses to start."""
    rules = [rule for rule in PROFILE["syscalls"] if "unshare" not in rule["names"]]
    flags = {"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}
    usual = {"names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [flags]}

    outcome = draw(PROFILE | {"syscalls": [*rules, usual]})

    assert outcome.picture == 0
    assert "sandbox" in outcome.output.lower()


@pytest.mark.parametrize(
    "command",
    [
        "unshare --mount true",
        "unshare --user --mount --map-root-user true",
        "unshare --user --ipc true",
        "unshare --user --cgroup true",
        "unshare --user --uts true",
        "unshare --user --map-root-user mount -t tmpfs none /mnt",
    ],
)
def test_other_namespaces_and_mounts_are_refused(command: str) -> None:
    """A process that got out of the browser's sandbox makes no mount, not even in a user namespace."""
    outcome = under(PROFILE, *command.split())

    assert outcome.code != 0
    assert "Operation not permitted" in outcome.output or "permission denied" in outcome.output
