#!/usr/bin/env python3
"""Run a command under a seccomp profile, as a container runtime would: with_seccomp.py PROFILE COMMAND [ARGUMENT …].

The profile is a file in the format of the OCI runtime specification, and libseccomp compiles it. So a profile can be
tried where there is no container runtime. Names that libseccomp does not know here are skipped, as runtimes do.
"""

import ctypes
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

_ALLOW: Final = 0x7FFF0000
_ERRNO: Final = 0x00050000
_OPERATORS: Final = {
    f"SCMP_CMP_{name}": number for number, name in enumerate(("NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"), start=1)
}


class _Comparison(ctypes.Structure):
    _fields_ = (
        ("index", ctypes.c_uint),
        ("operator", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL("libseccomp.so.2", use_errno=True)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_init.argtypes = [ctypes.c_uint32]
    library.seccomp_rule_add_array.argtypes = [
        ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.POINTER(_Comparison)
    ]  # fmt: skip
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    library.seccomp_syscall_resolve_name.argtypes = [ctypes.c_char_p]
    return library


def _action(name: str, error: int) -> int:
    return {"SCMP_ACT_ALLOW": _ALLOW, "SCMP_ACT_ERRNO": _ERRNO | error}[name]


def apply(profile: dict[str, Any]) -> None:
    """Filter the calls of this process and its children from now on. Raises OSError."""
    library = _library()
    error = profile.get("defaultErrnoRet", 1)
    filter_ = library.seccomp_init(_action(profile["defaultAction"], error))
    for rule in profile["syscalls"]:
        comparisons = [
            _Comparison(each["index"], _OPERATORS[each["op"]], each["value"], each.get("valueTwo", 0))
            for each in rule.get("args", [])
        ]
        array = (_Comparison * len(comparisons))(*comparisons)
        for name in rule["names"]:
            number = library.seccomp_syscall_resolve_name(name.encode())
            if number >= 0:
                action = _action(rule["action"], rule.get("errnoRet", error))
                _check(library.seccomp_rule_add_array(filter_, action, number, len(comparisons), array), name)
    _check(library.seccomp_load(filter_), "the filter")


def _check(result: int, subject: str) -> None:
    if result != 0:
        raise OSError(-result, os.strerror(-result), subject)


if __name__ == "__main__":
    apply(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606 - in place of this process
