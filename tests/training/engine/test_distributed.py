"""Process groups: how processes end that shared tensors last."""

import os
import subprocess
import sys

from tests.helpers.paths import REPOSITORY
from tests.helpers.processes import free_port

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
