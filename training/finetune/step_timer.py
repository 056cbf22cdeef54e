"""Timer of training steps: the seconds that a network takes to learn from a clip on this machine."""

from __future__ import annotations

import time

import torch
from torch.nn import functional

from training.engine.device import synchronise
from training.model.tin import TIN, Architecture

SECONDS, MAX_STEPS = 2.0, 10
"""Length of a measurement, of whose steps the fastest counts: the first ones also prepare memory and kernels."""

BATCH_SIZE = 4


class StepTimer:
    """Measures training steps of a network with random weights.

        StepTimer(architecture, torch.device("cpu")).seconds_per_clip(128)

    Args:
        architecture: The network.
        device: The device to train on.
    """

    def __init__(self, architecture: Architecture, device: torch.device) -> None:
        self._num_frames = architecture.num_frames
        self._model = TIN(architecture).to(device)
        self._model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._device = device

    def seconds_per_clip(self, side: int) -> float:
        """Measure the seconds of forward and backward pass for a clip of frames of a side in pixels."""
        frames = torch.rand(BATCH_SIZE, self._num_frames, 3, side, side, device=self._device)
        labels = torch.zeros(BATCH_SIZE, dtype=torch.int64, device=self._device)
        times: list[float] = []
        while len(times) < 2 or (sum(times) < SECONDS and len(times) < MAX_STEPS):
            times.append(self._time_step(frames, labels))
        return min(times) / BATCH_SIZE

    def _time_step(self, frames: torch.Tensor, labels: torch.Tensor) -> float:
        started = time.perf_counter()
        functional.cross_entropy(self._model(frames), labels).backward()  # type: ignore[no-untyped-call]
        synchronise(self._device)
        return time.perf_counter() - started
