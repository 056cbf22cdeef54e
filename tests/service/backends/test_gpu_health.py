"""GPU health: one failed batch, and a GPU that is lost."""

import pytest

from service.backends.base import DeviceLost, InferenceFailed, TryLater
from service.backends.gpu_health import MAX_FAILURES_IN_A_ROW, GpuHealth


def fail(health, message="out of memory"):
    with pytest.raises(InferenceFailed), health.watching():
        raise InferenceFailed(message)


def succeed(health):
    with health.watching():
        pass


def test_a_failed_batch_is_not_the_end():
    health = GpuHealth()
    for _ in range(2 * MAX_FAILURES_IN_A_ROW):
        fail(health)
        succeed(health)
        health.check_up()


def test_failures_in_a_row_are():
    health = GpuHealth()
    for _ in range(MAX_FAILURES_IN_A_ROW - 1):
        fail(health)
    health.check_up()
    fail(health)
    with pytest.raises(DeviceLost, match="out of memory") as lost:
        health.check_up()
    assert isinstance(lost.value, TryLater)
    assert lost.value.retry_after > 0


@pytest.mark.parametrize(
    "message",
    [
        "ONNX Runtime failed: CUDA failure 700: an illegal memory access was encountered",
        "TensorRT failed: cudaGraphLaunch: unspecified launch failure",
        "torch failed: CUDA error: uncorrectable ECC error encountered",
        "TensorRT failed: cudaStreamSynchronize: no CUDA-capable device is detected",
    ],
)
def test_some_errors_are_at_once_and_for_good(message):
    health = GpuHealth()
    fail(health, message)
    succeed(health)
    with pytest.raises(DeviceLost, match=message.split(": ")[-1]):
        health.check_up()
