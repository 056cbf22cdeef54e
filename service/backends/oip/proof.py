"""Proof that a server runs a model: one clip, for which its logits must be those of the store's own graph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec
from service.backends.base import BackendUnavailable, Clips, Outputs
from service.backends.contract import DTYPES
from service.backends.onnx_runtime import OnnxRuntimeBackend
from service.backends.remote.errors import NotServed
from service.store.manifest import Artifact
from service.store.model_store import StoredModel


@dataclass(frozen=True)
class Proof:
    """A clip, uint8 [1, T, H, W, 3]; the store's outputs for it; and the largest difference allowed of the logits."""

    clip: Clips
    expected: Outputs
    limit: float

    @classmethod
    def of(cls, stored: StoredModel, artifact: Artifact, tolerance: float | None = None) -> Proof:
        """Run the store's graph on the clip; `tolerance` replaces the limit of the graph's parity report.

        Raises BackendUnavailable when the graph does not run, or does not fit its manifest.
        """
        clip = moving_pattern(stored.manifest.clip)
        expected = _run(stored.path_of(artifact), clip)
        if expected.logits.shape != (1, len(stored.manifest.labels)):
            found, labels = expected.logits.shape, len(stored.manifest.labels)
            raise BackendUnavailable(f"{artifact.file} returns logits of shape {found} for {labels} labels")
        return cls(clip, expected, tolerance or artifact.parity.allowed_difference)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each output, by name; -1 for the clips of a call."""
        return {name: (-1, *array.shape[1:]) for name, array in self.expected.arrays().items()}

    def checked(self, arrays: Mapping[str, NDArray[Any]], num_clips: int) -> Outputs:
        """Return a server's arrays, by name, as the outputs for so many clips.

        Raises NotServed for arrays of another type or shape, or one that is missing.
        """
        for name, shape in self.shapes().items():
            wanted, found = _described(DTYPES[name], (num_clips, *shape[1:])), "nothing"
            if name in arrays:
                found = _described(arrays[name].dtype.name, arrays[name].shape)
            if found != wanted:
                raise NotServed(f"the server answers with {found} as {name}; the store's graph gives {wanted}")
        return Outputs(**{name: arrays[name] for name in self.shapes()})

    def check(self, found: Outputs) -> None:
        """Raise NotServed unless the server's logits for the clip are those of the store's graph."""
        difference = float(np.abs(found.logits - self.expected.logits).max())
        if not difference <= self.limit:  # also when it is not a number
            raise NotServed(
                f"the server's logits differ by {difference:.2g} from those of the store's graph, "
                f"more than {self.limit:.2g}: it runs another model, or in a lower precision (TIN_OIP_TOLERANCE)"
            )


def moving_pattern(spec: ClipSpec) -> Clips:
    """Return a clip of a model's size, uint8 [1, T, H, W, 3]: waves that move over noise, the same every time."""
    frames, rows, columns = np.ogrid[: spec.num_frames, : spec.crop, : spec.crop]
    down, across, still = np.sin(rows / 7 + frames), np.sin(columns / 11 - frames), np.cos((rows + columns) / 5)
    waves = np.stack(np.broadcast_arrays(down, across, still), -1)
    noise = np.random.default_rng(0).uniform(-1, 1, waves.shape)
    return np.clip(127.5 + 90 * waves + 37 * noise, 0, 255).astype(np.uint8)[None]


def _described(dtype: str, shape: tuple[int, ...]) -> str:
    return f"{dtype} {list(shape)}"


def _run(graph: Path, clip: Clips) -> Outputs:
    backend = OnnxRuntimeBackend(graph, num_threads=1)
    try:
        return backend.infer(clip)
    finally:
        backend.close()
