"""Seccomp: a filter of system calls, by which the kernel kills this process at any that a decoder has no use for.

The filter denies families of calls and allows the others. A list of allowed calls would be tighter, but the C library,
the allocator and the kernel decide on the harmless ones: on a machine that nobody tested, good videos would be refused.
Calls newer than the list do not exist for the process, so a later kernel opens no gap.

Source: https://docs.kernel.org/userspace-api/seccomp_filter.html
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct

from service.decoding.sandbox.libc import PR_SET_SECCOMP, forbid_new_privileges, prctl
from service.decoding.sandbox.system_calls import NEWEST, Condition, SystemCalls

LOAD, AND, RETURN, JUMP_IF_EQUAL, JUMP_IF_GREATER = 0x20, 0x54, 0x06, 0x15, 0x25
ALLOW, REFUSE, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
CALL_NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
"""Offsets in the kernel's `seccomp_data`; each argument has 8 bytes, the lower half first."""
SECCOMP_MODE_FILTER = 2

Program = list[bytes]
"""Instructions of a Berkeley packet filter."""


def confine() -> None:
    """Filter the system calls of this process; raises OSError on another CPU and where seccomp is not available."""
    install(filter_of(SystemCalls.of(platform.machine()), os.getpid()))


def install(program: Program) -> None:
    """Let the kernel run a filter before each system call of this process, for good; raises OSError."""
    code = ctypes.create_string_buffer(b"".join(program))
    header = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(code)))
    forbid_new_privileges()
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.c_void_p(ctypes.addressof(header)))


def filter_of(calls: SystemCalls, pid: int) -> Program:
    """Return the filter for the process `pid` on the CPU of `calls`."""
    killed = [if_equal(number, _kill()) for number in calls.killed]
    refused = [if_equal(number, refuse(error)) for number, error in calls.refused.items()]
    limited = [if_equal(number, _kill_unless(*conditions)) for number, conditions in calls.limited_for(pid).items()]
    return [
        instruction(LOAD, ARCHITECTURE),
        instruction(JUMP_IF_EQUAL, calls.architecture, if_true=1),
        *_kill(),
        instruction(LOAD, CALL_NUMBER),
        # x32, a second set of calls on x86-64, has numbers far above
        instruction(JUMP_IF_GREATER, NEWEST, if_false=1),
        *refuse(errno.ENOSYS),
        *[instruction for part in (*killed, *refused, *limited) for instruction in part],
        instruction(RETURN, ALLOW),
    ]


def _kill() -> Program:
    return [instruction(RETURN, KILL_PROCESS)]


def refuse(error: int) -> Program:
    """Return instructions that let the call fail with this errno."""
    return [instruction(RETURN, REFUSE | error)]


def if_equal(number: int, then: Program) -> Program:
    """Return instructions that run `then` if the loaded value is `number`."""
    return [instruction(JUMP_IF_EQUAL, number, if_false=len(then)), *then]


def _kill_unless(*conditions: Condition) -> Program:
    program = []
    for condition in conditions:
        program += [
            instruction(LOAD, FIRST_ARGUMENT + 8 * condition.argument),
            instruction(AND, condition.mask),
            instruction(JUMP_IF_EQUAL, condition.value, if_true=1),
            *_kill(),
        ]
    return [*program, instruction(RETURN, ALLOW)]


def instruction(code: int, operand: int, *, if_true: int = 0, if_false: int = 0) -> bytes:
    """Pack one instruction; a jump skips `if_true` or `if_false` of those that follow."""
    return struct.pack("HBBI", code, if_true, if_false, operand)
