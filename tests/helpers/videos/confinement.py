"""Confinement: a seccomp filter, by which the kernel kills this process when any code opens a file or a socket."""

import ctypes
import platform
import struct

NUMBERS = {
    "x86_64": {"audit": 0xC000003E, "calls": (2, 85, 257, 437, 41, 42, 49, 59, 322)},
    "aarch64": {"audit": 0xC00000B7, "calls": (56, 437, 198, 203, 200, 221, 281)},
}
"""Numbers of open, creat, openat, openat2, socket, connect, bind, execve and execveat, as far as each CPU has them."""

LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, KILL_PROCESS = 0x7FFF0000, 0x80000000
CALL_NUMBER, ARCHITECTURE = 0, 4
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2


def confine() -> None:
    """Confine this process for good; raise OSError if the kernel has no seccomp, KeyError on another type of CPU."""
    program = _program(**NUMBERS[platform.machine()])
    code = ctypes.create_string_buffer(b"".join(program))
    filters = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, argument in ((PR_SET_NO_NEW_PRIVS, 1), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER)):
        pointer = ctypes.c_void_p(ctypes.addressof(filters) if option == PR_SET_SECCOMP else 0)
        if libc.prctl(option, ctypes.c_ulong(argument), pointer, None, None):
            raise OSError(ctypes.get_errno(), "this process cannot be confined")


def _program(audit, calls):
    """Return Berkeley packet filter instructions that kill on these system calls, and on other CPU architectures."""
    return [
        _instruction(LOAD, ARCHITECTURE),
        _instruction(JUMP_IF_EQUAL, audit, if_true=1),
        _instruction(RETURN, KILL_PROCESS),
        _instruction(LOAD, CALL_NUMBER),
        *[
            instruction
            for call in calls
            for instruction in (_instruction(JUMP_IF_EQUAL, call, if_false=1), _instruction(RETURN, KILL_PROCESS))
        ],
        _instruction(RETURN, ALLOW),
    ]


def _instruction(code, operand, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, operand)
