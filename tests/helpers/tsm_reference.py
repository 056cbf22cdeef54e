"""TSM-R50 once more, written down from the paper in plain functions over MMAction2's tensor names, to compare with."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn.functional import batch_norm, conv2d, linear, max_pool2d

from tests.helpers.reference import golden_json, named_tensor

BLOCKS = (3, 4, 6, 3)
EPSILON = 1e-5


def tsm_r50_tensors() -> dict[str, Tensor]:
    """Return all tensors of MMAction2's TSM-R50 with 174 classes, by MMAction2's names."""
    shapes = {
        name.replace("conv1.conv.net2.", "conv1.conv.net."): shape
        for name, shape in golden_json("tin_r50_names.json").items()
        if "net1" not in name
    }
    return {name: torch.from_numpy(named_tensor(name, tuple(shape))) for name, shape in shapes.items()}


def tsm_r50_logits(weights: Mapping[str, Tensor], frames: Tensor) -> Tensor:
    """Map normalised frames [N, 8, 3, H, W] to logits [N, 174]."""
    features = max_pool2d(_conv_norm(weights, "backbone.conv1", frames.flatten(0, 1), 2).relu(), 3, 2, 1)
    for stage, num_blocks in enumerate(BLOCKS):
        for index in range(num_blocks):
            stride = 2 if stage and not index else 1
            features = _block(weights, f"backbone.layer{stage + 1}.{index}", features, stride)
    weight, bias = weights["cls_head.fc_cls.weight"], weights["cls_head.fc_cls.bias"]
    of_frames: Tensor = linear(features.mean(dim=(2, 3)), weight, bias)
    return of_frames.reshape(-1, 8, of_frames.shape[1]).mean(dim=1)


def _block(weights: Mapping[str, Tensor], name: str, features: Tensor, stride: int) -> Tensor:
    branch = _conv_norm(weights, f"{name}.conv1", _shifted(features)).relu()
    branch = _conv_norm(weights, f"{name}.conv2", branch, stride).relu()
    branch = _conv_norm(weights, f"{name}.conv3", branch)
    if f"{name}.downsample.conv.weight" in weights:
        features = _conv_norm(weights, f"{name}.downsample", features, stride)
    return (branch + features).relu()


def _shifted(features: Tensor) -> Tensor:
    """Shift an eighth of the channels to the frame before, the next eighth to the frame after."""
    clips = features.reshape(-1, 8, *features.shape[1:])
    eighth = clips.shape[2] // 8
    shifted = clips.clone()
    shifted[:, :, : 2 * eighth] = 0
    for frame in range(7):
        shifted[:, frame, :eighth] = clips[:, frame + 1, :eighth]
        shifted[:, frame + 1, eighth : 2 * eighth] = clips[:, frame, eighth : 2 * eighth]
    return shifted.flatten(0, 1)


def _conv_norm(weights: Mapping[str, Tensor], name: str, features: Tensor, stride: int = 1) -> Tensor:
    kernel = next(weights[key] for key in (f"{name}.conv.weight", f"{name}.conv.net.weight") if key in weights)
    convolved = conv2d(features, kernel, stride=stride, padding=kernel.shape[-1] // 2)
    mean, variance = weights[f"{name}.bn.running_mean"], weights[f"{name}.bn.running_var"]
    return batch_norm(convolved, mean, variance, weights[f"{name}.bn.weight"], weights[f"{name}.bn.bias"], eps=EPSILON)
