"""Calls into the C library that Python has no function for; errors become OSError."""

from __future__ import annotations

import ctypes
import os

PR_SET_PDEATHSIG, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 22, 38


def prctl(option: int, *arguments: int | ctypes.c_void_p) -> None:
    """Change an attribute of this process; raises OSError, also on systems that do not have this call of Linux."""
    _call("prctl", ctypes.c_int, option, *arguments)


def system_call(number: int, *arguments: int | ctypes.c_void_p) -> int:
    """Make a system call by its number and return its result; raises OSError."""
    return _call("syscall", ctypes.c_long, number, *arguments)


def forbid_new_privileges() -> None:
    """Give up setuid programs for good, which the kernel demands of a process that confines itself without being root.

    Raises OSError.
    """
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def _call(name: str, result_type: type, *arguments: int | ctypes.c_void_p) -> int:
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is None:
        raise OSError(f"the C library has no {name}")
    function.restype = result_type
    # both are variadic, and the kernel reads whole registers: five arguments, each as wide as one
    padded = [*arguments, *[0] * (5 - len(arguments))]
    result: int = function(*[each if isinstance(each, ctypes.c_void_p) else ctypes.c_long(each) for each in padded])
    if result < 0:
        raise OSError(ctypes.get_errno(), f"{name}: {os.strerror(ctypes.get_errno())}")
    return result
