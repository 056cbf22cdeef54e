"""Confinement of this process for good: by seccomp, else by Landlock, else by nothing that the kernel offers here."""

from __future__ import annotations

from enum import StrEnum

from service.decoding.sandbox import landlock, seccomp

LATE_PARTS = "service.decoding.sandbox.late_parts"
"""The module that loads what libraries would load late. The fork server imports it for all workers, and each worker as
well, for others may have started that server."""


class Sandbox(StrEnum):
    """Mechanism of the kernel that confines a worker."""

    SECCOMP = "seccomp"
    """The process is killed when it opens a file, makes a socket or a process, or executes a program."""
    LANDLOCK = "landlock"
    """Files, programs and TCP are refused to it; other system calls are not."""
    NONE = "none"


def confine() -> Sandbox:
    """Confine this process and all threads that it starts from now on; return the mechanism that does it.

    What the process needs from files must be loaded already: see `late_parts`.
    """
    for sandbox, confine_by in ((Sandbox.SECCOMP, seccomp.confine), (Sandbox.LANDLOCK, landlock.confine)):
        try:
            confine_by()
        except OSError:  # a kernel without it, or a container runtime that forbids it
            continue
        return sandbox
    return Sandbox.NONE
