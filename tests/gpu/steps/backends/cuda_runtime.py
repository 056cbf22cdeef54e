"""Step `cuda_runtime`: pinned memory, copies and a recorded graph through `service.backends.cuda`."""

from __future__ import annotations

from contextlib import ExitStack

import numpy as np

from service.backends import cuda
from tests.gpu.device import require_gpu, require_package
from tests.gpu.replay import median_ms
from tests.gpu.session.figures import Figures

NUM_BYTES = 1 << 24


def run(figures: Figures) -> None:
    """Send bytes to the GPU and back, as a graph."""
    figures.add(devices_by_driver=cuda.count_devices())
    require_gpu()
    require_package("cuda.bindings")
    with ExitStack() as held:
        host, back = (cuda.allocate_pinned(held, (NUM_BYTES,), np.uint8) for _ in range(2))
        device, stream = cuda.allocate_device(held, host.nbytes), cuda.create_stream(held)

        def there_and_back() -> None:
            cuda.upload(host, device, stream)
            cuda.download(device, back, stream)

        graph = cuda.capture(held, stream, there_and_back)
        host[:] = np.random.default_rng(0).integers(0, 256, host.shape, np.uint8)

        def replay() -> None:
            cuda.call("cudaGraphLaunch", graph, stream)
            cuda.call("cudaStreamSynchronize", stream)

        taken = median_ms(replay)
        figures.add(gpu=cuda.device_name(), equal=bool((host == back).all()), ms_of_16_mib_there_and_back=taken)
    figures.add(summary=[f"16 MiB there and back in {taken:.2f} ms"])
    if not (host == back).all():
        raise AssertionError("bytes that came back differ from those sent")
