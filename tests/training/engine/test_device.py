import subprocess
import sys

import pytest
import torch

from tests.helpers.paths import REPOSITORY
from training.engine.device import DeviceError, find_device, is_out_of_memory

CPU = torch.device("cpu")
NUM_GPUS = torch.cuda.device_count()


def test_auto_is_a_gpu_where_there_is_one():
    assert find_device("auto") == torch.device("cuda:0" if NUM_GPUS else "cpu")
    assert find_device("cpu") == CPU


@pytest.mark.parametrize("name", [f"cuda:{NUM_GPUS}", "cuda:x", "gpu", ""])
def test_a_device_that_is_not_there_is_an_error(name):
    with pytest.raises(DeviceError, match=f"'{name}'.* cpu"):
        find_device(name)


def test_the_peak_is_what_was_held_in_ram_at_once():
    code = (
        "import torch; from training.engine.device import peak_bytes; cpu = torch.device('cpu'); "
        "before = peak_bytes(cpu); "
        "held = bytearray(before + (64 << 20)); del held; print((peak_bytes(cpu) - before) >> 20)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert 64 <= int(done.stdout) < 1024


def test_memory_that_cannot_be_had_is_told_from_other_errors():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(1 << 60, dtype=torch.uint8)
    assert is_out_of_memory(raised.value)
    with pytest.raises(RuntimeError) as raised:
        torch.zeros(2) + torch.zeros(3)
    assert not is_out_of_memory(raised.value)
