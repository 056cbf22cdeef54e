"""CPU quota, read from generated cgroup files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clips.cpu_quota import usable_cores


@pytest.fixture
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(16)))


def _usable(root: Path, cgroups: str, files: dict[str, str]) -> int:
    own = root / "self"
    own.write_text(cgroups)
    for name, text in files.items():
        file = root / "mount" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return usable_cores(own, root / "mount")


V1 = "11:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc\n"


@pytest.mark.usefixtures("sixteen_cores")
@pytest.mark.parametrize(
    ("cgroups", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "200000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/\n", {"cpu.max": "5000 100000\n"}, 1),
        ("0::/\n", {"cpu.max": "9900000 100000\n"}, 16),
        ("0::/\n", {"cpu.max": "max 100000\n"}, 16),
        ("0::/a.slice/b.service\n", {"a.slice/cpu.max": "300000 100000\n", "cpu.max": "max 100000\n"}, 3),
        ("0::/a.slice/b.service\n", {"a.slice/b.service/cpu.max": "400000 100000\n", "a.slice/cpu.max": "max 1\n"}, 4),
        ("0::/a/b\n", {"elsewhere/cpu.max": "100000 100000\n"}, 16),
        (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "250000\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, 3),
        (V1, {"cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cpu,cpuacct/cpu.cfs_period_us": "100000\n"}, 16),
        (V1, {"memory/cpu.cfs_quota_us": "100000\n", "memory/cpu.cfs_period_us": "100000\n"}, 16),
        ("", {}, 16),
    ],
)
def test_a_quota_counts_wherever_it_is_written(tmp_path: Path, cgroups: str, files: dict[str, str], cores: int) -> None:
    assert _usable(tmp_path, cgroups, files) == cores
