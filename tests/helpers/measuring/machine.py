"""Machine of a measurement: CPU, instruction sets, versions of packages."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def cpu_name() -> str:
    """Return the CPU's model name if Linux reports it, else its architecture."""
    return _cpuinfo("model name") or platform.machine()


def cpu_flags() -> set[str]:
    """Return the instruction sets that Linux reports; empty on other systems."""
    return set(_cpuinfo("flags").split())


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the installed version of each package. Raises PackageNotFoundError."""
    return {package: importlib.metadata.version(package) for package in packages}


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    found = {}
    for package in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def stay_on_one_core() -> None:
    """Pin this process and its future children to the last core that it may use."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _cpuinfo(key: str) -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")
