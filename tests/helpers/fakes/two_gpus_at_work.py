"""A service whose model has a replica on each of two GPUs, which answer only when both are at work.

TIN_DEVICE=cuda:0,cuda:1 python -m tests.helpers.fakes.two_gpus_at_work serve --port 8000
"""

import threading

import onnxruntime

from service.__main__ import cli
from service.backends import cuda
from service.backends.base import Backend, Clips, Outputs
from service.models import loading
from service.models.replicas import open_on_each
from tests.helpers.fakes.fake_backend import FakeBackend

NUM_CLASSES = 6
"""Of the model `colours` that tests publish."""

BOTH = threading.Barrier(2, timeout=10)


class OnGpu(FakeBackend):
    """Runs the batch at load alone, and each later one beside that of the other GPU."""

    def __init__(self, gpu: int) -> None:
        super().__init__(NUM_CLASSES)
        self.device = cuda.device_of(gpu)
        self._is_warm = False

    def check_up(self) -> None:
        """It is never lost."""

    def infer(self, clips: Clips) -> Outputs:
        """Return the fake's outputs; raises BrokenBarrierError when the other GPU stays idle."""
        if self._is_warm:
            BOTH.wait()
        self._is_warm = True
        return super().infer(clips)


def open_backend(*_: object) -> Backend:
    """Open a replica on each GPU."""
    return open_on_each((0, 1), OnGpu)


if __name__ == "__main__":
    vars(cuda)["count_devices"] = lambda: 2
    vars(onnxruntime)["get_available_providers"] = lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    vars(loading)["open_backend"] = open_backend
    cli()
