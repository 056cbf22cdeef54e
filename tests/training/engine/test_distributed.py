"""Process groups: their devices, and how processes end that shared tensors last."""

import os
import subprocess
import sys

import pytest
import torch
import torch.distributed as dist

from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import free_port
from training.engine.device import DeviceError
from training.engine.distributed import joined_processes

SHARE_AND_END = """
import torch
from torch import nn
from training.engine.distributed import joined_processes

class TornDown:
    def __del__(self):
        print("torn down")

at_the_end = TornDown()
with joined_processes() as processes:
    model = nn.Sequential(nn.Conv2d(8, 8, 1), *(nn.BatchNorm2d(8) for _ in range(20)))
    processes.wrap(model)(torch.randn(2, 8, 4, 4)).sum().backward()
    processes.share_buffers(model)
"""


def run_together(script):
    """Run a script in two processes of one group; return exit code and output of each."""
    together = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=REPOSITORY,
            env=os.environ | together | {"RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    try:
        outputs = [process.communicate(timeout=120)[0] for process in running]
        return [(process.returncode, output) for process, output in zip(running, outputs, strict=True)]
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_processes_that_share_buffers_last_end_without_tearing_down_the_interpreter():
    assert run_together(f"{SHARE_AND_END}\nprint('done')") == [(0, "done\n")] * 2


def test_a_process_that_fails_has_its_own_exit_code():
    failing = run_together(f"{SHARE_AND_END}\n    raise SystemExit(3)")
    assert [code for code, _ in failing] == [3, 3]


@pytest.fixture
def groups(monkeypatch):
    """Groups that were asked for, on a node that has two GPUs; none is made."""
    asked = []

    def record(backend, **options):
        asked.append((backend, options))
        raise InterruptedError

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", lambda device: None)
    monkeypatch.setattr(dist, "init_process_group", record)
    return asked


def join_as(monkeypatch, rank, local_world_size):
    for name, value in {
        "RANK": rank,
        "LOCAL_RANK": rank,
        "WORLD_SIZE": 8,
        "LOCAL_WORLD_SIZE": local_world_size,
    }.items():
        monkeypatch.setenv(name, str(value))
    with joined_processes():
        pass


def test_nccl_is_given_the_process_s_own_gpu(groups, monkeypatch):
    with pytest.raises(InterruptedError):
        join_as(monkeypatch, rank=1, local_world_size=2)
    assert groups == [("nccl", {"device_id": torch.device("cuda:1")})]


@pytest.mark.parametrize("rank", [0, 2])
def test_more_processes_than_gpus_are_refused_in_each_of_them(groups, monkeypatch, rank):
    with pytest.raises(DeviceError, match=r"^3 processes .* 2;"):
        join_as(monkeypatch, rank=rank, local_world_size=3)
    assert groups == []
