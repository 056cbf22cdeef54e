import os
import subprocess
import sys

from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import free_port

SHARE_AND_END = """
import torch
from torch import nn
from training.engine.distributed import joined_processes

with joined_processes() as processes:
    model = nn.Sequential(nn.Conv2d(8, 8, 1), *(nn.BatchNorm2d(8) for _ in range(20)))
    processes.wrap(model)(torch.randn(2, 8, 4, 4)).sum().backward()
    processes.share_buffers(model)
"""


def test_processes_that_share_buffers_last_do_end():
    together = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SHARE_AND_END],
            cwd=REPOSITORY,
            env=os.environ | together | {"RANK": rank, "LOCAL_RANK": rank},
        )
        for rank in ("0", "1")
    ]
    try:
        assert [process.wait(timeout=120) for process in running] == [0, 0]
    finally:
        for process in running:
            process.kill()
            process.wait()
