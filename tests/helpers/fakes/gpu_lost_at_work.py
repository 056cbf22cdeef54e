"""A service whose model runs on a GPU that is lost at its second batch.

python -m tests.helpers.fakes.gpu_lost_at_work serve --port 8000
"""

from service.__main__ import cli
from service.backends.base import Clips, InferenceFailed, Outputs
from service.backends.gpu_health import GpuHealth
from service.models import loading
from tests.helpers.fakes.fake_backend import FakeBackend

NUM_CLASSES = 6
"""Of the model `colours` that tests publish."""


class LostAtSecondBatch(FakeBackend):
    """Runs one batch, the one at load, and then nothing any more."""

    def __init__(self, num_classes: int) -> None:
        super().__init__(num_classes)
        self._health = GpuHealth()
        self._batches = 0
        self.check_up = self._health.check_up

    def infer(self, clips: Clips) -> Outputs:
        """Return the fake's outputs once."""
        self._batches += 1
        with self._health.watching():
            if self._batches > 1:
                raise InferenceFailed("CUDA failure 700: an illegal memory access was encountered")
            return super().infer(clips)


if __name__ == "__main__":
    vars(loading)["open_backend"] = lambda *_: LostAtSecondBatch(NUM_CLASSES)
    cli()
