"""Landlock: the kernel refuses files, programs and TCP to this process, from Linux 5.13 on.

Source: https://docs.kernel.org/userspace-api/landlock.html
"""

from __future__ import annotations

import ctypes
import struct

from service.decoding.sandbox.libc import forbid_new_privileges, system_call

CREATE_RULESET, RESTRICT_SELF = 444, 446
"""Numbers of the system calls, the same on every CPU."""
RETURN_VERSION = 1

FILE_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""Number of rights over files that each version of Landlock knows, from the version that brought them on."""
TCP_SINCE, TCP_RIGHTS = 4, 0b11
"""To bind and to connect."""
SCOPES_SINCE, SCOPES = 6, 0b11
"""Abstract sockets and signals stay within the process."""


def confine() -> None:
    """Refuse this process every right that the kernel's Landlock controls; raises OSError where there is none."""
    version = system_call(CREATE_RULESET, 0, 0, RETURN_VERSION)
    controlled = ctypes.create_string_buffer(_controlled_rights(version))
    size = len(controlled) - 1
    rules = system_call(CREATE_RULESET, ctypes.c_void_p(ctypes.addressof(controlled)), size)
    forbid_new_privileges()
    system_call(RESTRICT_SELF, rules)


def _controlled_rights(version: int) -> bytes:
    """Pack the kernel's `landlock_ruleset_attr`; a right that is controlled and granted by no rule is refused."""
    files = (1 << max(count for since, count in FILE_RIGHTS.items() if since <= version)) - 1
    tcp = TCP_RIGHTS if version >= TCP_SINCE else 0
    scopes = SCOPES if version >= SCOPES_SINCE else 0
    return struct.pack("QQQ", files, tcp, scopes)
