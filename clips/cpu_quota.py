"""CPU quota: the number of cores that affinity and the container's cgroup leave to this process.

A quota is CPU time per period: cgroup v2 has both in `cpu.max`, v1 in `cpu.cfs_quota_us` and `cpu.cfs_period_us`.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

OWN_CGROUPS = Path("/proc/self/cgroup")
MOUNT = Path("/sys/fs/cgroup")


def usable_cores(own_cgroups: Path = OWN_CGROUPS, mount: Path = MOUNT) -> int:
    """Return the number of cores that this process may use, at least 1.

    A quota is rounded up to whole cores, as in Go and Java.

    Args:
        own_cgroups: /proc file that lists the process's cgroups.
        mount: where the cgroup file systems are mounted.
    """
    quotas = [quota for folder in _folders(own_cgroups, mount) for quota in _quotas(folder)]
    return max(1, math.ceil(min([_affine_cores(), *quotas])))


def _affine_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _folders(own_cgroups: Path, mount: Path) -> Iterator[Path]:
    """Yield the process's cgroups and their parents, whose quotas apply too; a container does not see all of them."""
    for line in _text(own_cgroups).splitlines():
        _, controllers, group = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        own = (mount / controllers) / group.lstrip("/")
        yield from (folder for folder in (own, *own.parents) if folder.is_relative_to(mount))


def _quotas(folder: Path) -> Iterator[float]:
    """Yield the quotas of a cgroup in cores; nothing where there is none (`max`, or -1)."""
    v2 = _text(folder / "cpu.max").split()
    v1 = [*_text(folder / "cpu.cfs_quota_us").split(), *_text(folder / "cpu.cfs_period_us").split()]
    for numbers in (v2, v1):
        if len(numbers) == 2 and all(number.isdecimal() for number in numbers):
            yield int(numbers[0]) / int(numbers[1])


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:
        return ""
