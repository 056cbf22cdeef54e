"""Processes as /proc shows them, and free TCP ports."""

from __future__ import annotations

import os
import socket
from contextlib import ExitStack, suppress
from pathlib import Path
from secrets import randbelow

PORTS = range(20_000, 32_000)
"""Below those that Linux gives to whoever asks for any port, so that a server which starts again finds its own free."""


def free_ports(number: int) -> list[int]:
    """TCP ports on 127.0.0.1 that nothing listens on, all different, and that the kernel gives to nobody who asks."""
    with ExitStack() as stack:
        sockets: list[socket.socket] = []
        while len(sockets) < number:
            with suppress(OSError):
                address = "127.0.0.1", PORTS[randbelow(len(PORTS))]
                sockets.append(stack.enter_context(socket.create_server(address)))
        return [int(each.getsockname()[1]) for each in sockets]


def free_port() -> int:
    """A TCP port on 127.0.0.1 that nothing listens on."""
    (port,) = free_ports(1)
    return port


def children_of(pid: int) -> list[int]:
    """Process ids of the children of a process; none when it has ended."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for task in tasks for child in (task / "children").read_text().split()]
    except OSError:
        return []


def has_ended(pid: int) -> bool:
    """True for a process that is gone, or that only waits for its parent to take note."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def resident_bytes(pid: int) -> int:
    """Resident memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far, of all its threads, to a hundredth of a second."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
