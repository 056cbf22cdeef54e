"""What figures were measured on: they mean nothing without it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path


def processor_name() -> str:
    """The processor's own name where Linux tells it, else the kind of processor."""
    return _cpuinfo("model name") or platform.machine()


def processor_flags() -> set[str]:
    """The instruction sets that Linux reports; empty elsewhere."""
    return set(_cpuinfo("flags").split())


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """The installed version of each package."""
    return {package: importlib.metadata.version(package) for package in packages}


def installed_versions(packages: Iterable[str]) -> dict[str, str]:
    """The same of those that are installed."""
    found = {}
    for package in packages:
        with suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def stay_on_one_core() -> None:
    """Pin this process, and what it starts from now on, to the last core that it may use."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def _cpuinfo(key: str) -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")
