"""Inputs of the reference values in `tests/golden`: tensors computed from their names, images from their sizes.

A name's SHA-256 seeds a PCG64 stream of float32 numbers in [-1, 1); their scale depends on the tensor's role in the
network.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDEN = Path(__file__).parents[1] / "golden"


def golden_json(name: str) -> Any:
    """Read a JSON file of `tests/golden`."""
    return json.loads((GOLDEN / name).read_text())


def golden_arrays(name: str) -> dict[str, NDArray[Any]]:
    """Read the arrays of an .npz file of `tests/golden`."""
    with np.load(GOLDEN / name) as arrays:
        return dict(arrays)


def signed_noise(name: str, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return noise in [-1, 1), float32 values as float64, that depends on the name alone."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    words = np.random.PCG64(seed).random_raw(math.prod(shape))
    numbers = ((words >> np.uint64(40)).astype(np.float64) / 2**23 - 1).astype(np.float32)
    return numbers.reshape(shape).astype(np.float64)


def tin_r50_tensors() -> dict[str, NDArray[Any]]:
    """Return all tensors of MMAction2's TIN-R50 with 174 classes, by MMAction2's names."""
    return {name: named_tensor(name, tuple(shape)) for name, shape in golden_json("tin_r50_names.json").items()}


def named_tensor(name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """Return the tensor of one of MMAction2's names, of the scale of its role in the network."""
    # Same order of operations as in the reference: another order would round to other float32 numbers.
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    noise = signed_noise(name, shape)
    if name.endswith("running_var"):
        values = 1 + 0.5 * noise
    elif name.endswith(("running_mean", ".bn.bias")):
        values = 0.1 * noise
    elif name.endswith(".bn.weight"):
        values = (0.3 if ".conv3." in name else 1.0) * (1 + 0.2 * noise)
    elif name.startswith("cls_head"):
        values = (0.05 if name.endswith("weight") else 0.1) * noise
    elif "_net." in name:
        values = _plan_values(name, noise)
    else:
        gain = 1.0 if ".conv3." in name or "downsample" in name else 2.0
        values = noise * math.sqrt(3) * np.sqrt(gain / math.prod(shape[1:]))
    return values.astype(np.float32)


def _plan_values(name: str, noise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a tensor of the offset and weight networks."""
    if name.endswith("fc2.bias"):
        return 0.5108 + noise
    if name.endswith("bias"):
        return 0.2 * noise
    gains = {"offset_net.conv.weight": 1.5, "offset_net.fc1.weight": 1.2}
    gain = next((gain for ending, gain in gains.items() if name.endswith(ending)), 2.0)
    return np.asarray(gain * noise * math.sqrt(3) / np.sqrt(math.prod(noise.shape[1:])))


def normalised_frames(num_clips: int, num_frames: int = 8, side: int = 224) -> NDArray[np.float32]:
    """Return frames [N, T, 3, side, side]: 14x14 blocks that change with each frame, brightness, fine noise."""
    cells = 14
    clip = (num_clips, num_frames, 3)
    blocks = signed_noise("input/coarse", (*clip, cells, cells))
    enlarged = blocks.repeat(side // cells, axis=3).repeat(side // cells, axis=4)
    contrast = 1.2 + signed_noise("input/amp", (num_clips, num_frames, 1, 1, 1))
    brightness = 0.8 * signed_noise("input/level", (*clip, 1, 1))
    frames = contrast * enlarged + brightness + 0.3 * signed_noise("input/fine", (*clip, side, side))
    return np.ascontiguousarray(frames.astype(np.float32))


def step_frames(name: str, side: int) -> NDArray[np.float32]:
    """Return frames [2, 8, 3, side, side]: blocks of 4x4 that change with each frame, brightness, fine noise."""
    cells, channels = side // 4, (2, 8, 3)
    blocks = signed_noise(f"{name}/coarse", (*channels, cells, cells)).repeat(4, axis=3).repeat(4, axis=4)
    brightness = 0.8 * signed_noise(f"{name}/level", (*channels, 1, 1))
    frames = 1.5 * blocks + brightness + 0.3 * signed_noise(f"{name}/fine", (*channels, side, side))
    return np.ascontiguousarray(frames.astype(np.float32))


def picture(width: int, height: int) -> NDArray[np.uint8]:
    """Return an image, uint8 [height, width, 3]: a slow triangle wave per channel, and grain of 0 to 63 from a hash."""
    y, x, channel = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    phase = (3 * x + (2 + channel) * y + 70 * channel) % 382
    wave = np.minimum(phase, 381 - phase)
    mixed = (x * 73856093) ^ (y * 19349663) ^ (channel * 83492791 + 12345)
    grain = ((mixed * 2654435761 & 0xFFFFFFFF) >> 13) & 63
    return np.asarray(wave + grain, np.uint8)


def digest(array: NDArray[Any]) -> str:
    """Return the SHA-256 of an array's bytes."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
