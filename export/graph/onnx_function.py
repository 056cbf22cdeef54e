"""The ONNX node `tin::TemporalInterlace`, defined by a function in standard operators.

    features [N * T, C, H, W], offsets [N, 2], weights [N, T, 2]  ->  features of the same shape and type

The attribute `num_frames` is T. A runtime with a kernel of that name runs the kernel: TensorRT takes a registered
plugin first. A runtime without one runs the function: ONNX Runtime inlines its body.
"""

from __future__ import annotations

import onnx
import torch
from onnx import parser
from torch import Tensor

from export.tensorrt_plugin.node import DOMAIN, OPERATOR
from training.model.interlace_ops import NUM_GROUPS

VERSION = 1

BODY = f"""
<domain: "{DOMAIN}", opset_import: ["" : 18]>
{OPERATOR} <num_frames> (features, offsets, weights) => (moved)
{{
    num_frames = Constant <value_int: int = @num_frames> ()
    groups = Constant <value_int = {NUM_GROUPS}> ()
    zero = Constant <value_int = 0> ()
    one = Constant <value_int = 1> ()
    first = Constant <value_ints = [0]> ()
    second = Constant <value_ints = [1]> ()
    last = Constant <value_ints = [-1]> ()
    unit = Constant <value_float = 1.0> ()

    frame = Range (zero, num_frames, one)
    from_frame = Unsqueeze (frame, first)
    to_frame = Unsqueeze (frame, second)
    frames_apart = Sub (to_frame, from_frame)
    apart = CastLike (frames_apart, offsets)
    outer = Constant <value_ints = [0, 2]> ()
    distance = Unsqueeze (apart, outer)

    backwards = Neg (offsets)
    of_group = Concat <axis = 1> (offsets, backwards)
    around = Constant <value_ints = [1, 3]> ()
    shift = Unsqueeze (of_group, around)
    missed = Sub (distance, shift)
    miss = Abs (missed)
    hat = Sub (unit, miss)
    tap = Relu (hat)
    weight_of_group = Concat <axis = 2> (weights, weights)
    weight = Unsqueeze (weight_of_group, last)
    weighted = Mul (tap, weight)

    group = Range (zero, groups, one)
    from_group = Unsqueeze (group, first)
    to_group = Unsqueeze (group, second)
    is_own = Equal (to_group, from_group)
    own = CastLike (is_own, weighted)
    own_group = Unsqueeze (own, second)
    by_pair = Unsqueeze (weighted, last)
    spread = Mul (by_pair, own_group)

    pairs = Mul (num_frames, groups)
    side = Unsqueeze (pairs, first)
    matrix_shape = Concat <axis = 0> (last, side, side)
    matrix = Reshape (spread, matrix_shape)
    kernel = CastLike (matrix, features)

    clips = Shape <start = 0, end = 1> (offsets)
    flat_shape = Concat <axis = 0> (clips, side, last)
    flat = Reshape (features, flat_shape)
    flat_moved = MatMul (kernel, flat)
    shape = Shape (features)
    moved = Reshape (flat_moved, shape)
}}
"""


def interlace_by_node(features: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
    """Emit the node while `torch.onnx.export` traces; the result has the shape and type of the features, no values.

    Shapes as in the module's docstring; C is a multiple of 4.
    """
    return torch.onnx.ops.symbolic(
        f"{DOMAIN}::{OPERATOR}",
        (features, offsets, weights),
        {"num_frames": weights.shape[1]},
        dtype=features.dtype,
        shape=features.shape,
        version=VERSION,
    )


def define_node(model: onnx.ModelProto) -> None:
    """Add the function that defines the node to a model, and its domain to the imported opsets."""
    model.functions.append(parser.parse_function(BODY))
    if DOMAIN not in {opset.domain for opset in model.opset_import}:
        model.opset_import.append(onnx.helper.make_opsetid(DOMAIN, VERSION))
