"""Freed memory stays with a worker."""

import resource
import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource
from service.decoding.sandbox.heap import keep_freed_memory

def faults(block_bytes):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    bytearray(block_bytes)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

keep_freed_memory()
faults(8 << 20)
print(faults(8 << 20))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_a_freed_block_is_used_again_without_the_kernel():
    ran = subprocess.run([sys.executable, "-c", COUNT_FAULTS], capture_output=True, check=True, text=True)
    assert int(ran.stdout) < (8 << 20) // resource.getpagesize() // 10
