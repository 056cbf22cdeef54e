"""The ONNX nodes of interlacing, each defined by a function in standard operators.

    tin::InterlacePlan      pooled features [N * T, C], eight parameters          ->  offsets [N, 2], weights [N, T, 2]
    tin::TemporalInterlace  features [N * T, C, H, W], offsets [N, 2], weights [N, T, 2]  ->  features like the given

The attribute `num_frames` is T. A runtime with a kernel of that name runs the kernel: TensorRT takes a registered
plugin first. A runtime without one runs the function: ONNX Runtime inlines its body.
"""

from __future__ import annotations

import onnx
import torch
from onnx import parser
from torch import Tensor

from export.tensorrt_plugin.launch import LAYERS
from export.tensorrt_plugin.node import DOMAIN, INTERLACE, PLAN
from training.model.interlace import MAX_OFFSET, TemporalInterlace
from training.model.interlace_ops import NUM_GROUPS

VERSION = 1

INTERLACE_BODY = f"""
<domain: "{DOMAIN}", opset_import: ["" : 18]>
{INTERLACE} <num_frames> (features, offsets, weights) => (moved)
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


PLAN_BODY = f"""
<domain: "{DOMAIN}", opset_import: ["" : 18]>
{PLAN} <num_frames> (pooled, offset_taps, offset_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias,
 weight_taps, weight_bias) => (offsets, weights)
{{
    num_frames = Constant <value_int: int = @num_frames> ()
    first = Constant <value_ints = [0]> ()
    second = Constant <value_ints = [1]> ()
    last = Constant <value_ints = [-1]> ()

    frames_of_clip = Unsqueeze (num_frames, first)
    channels = Shape <start = 1, end = 2> (pooled)
    by_clip_shape = Concat <axis = 0> (last, frames_of_clip, channels)
    by_clip = Reshape (pooled, by_clip_shape)
    over_time = Transpose <perm = [0, 2, 1]> (by_clip)
    wide = CastLike (over_time, offset_taps)

    position = Conv <pads = [1, 1]> (wide, offset_taps, offset_bias)
    frames = Squeeze (position, second)
    summed = Gemm <transB = 1> (frames, fc1_weight, fc1_bias)
    hidden = Relu (summed)
    raw_offsets = Gemm <transB = 1> (hidden, fc2_weight, fc2_bias)
    shares = Sigmoid (raw_offsets)
    half = Constant <value_float = 0.5> ()
    centred = Sub (shares, half)
    span = Constant <value_float = {2 * MAX_OFFSET}> ()
    offsets = Mul (centred, span)

    raw_weights = Conv <pads = [1, 1]> (wide, weight_taps, weight_bias)
    halves = Sigmoid (raw_weights)
    two = Constant <value_float = 2.0> ()
    by_column = Mul (halves, two)
    weights = Transpose <perm = [0, 2, 1]> (by_column)
}}
"""


def plan_by_node(interlace: TemporalInterlace, quarter: Tensor) -> tuple[Tensor, Tensor]:
    """Emit the node of the plan while `torch.onnx.export` traces; the results have shapes and types, no values.

    `quarter` is [N * T, C, H, W]; the parameters of the networks become inputs of the node.
    """
    parameters = [interlace.get_parameter(name) for name in LAYERS]
    num_frames, num_clips = interlace.num_frames, quarter.shape[0] // interlace.num_frames
    offsets, weights = torch.onnx.ops.symbolic_multi_out(
        f"{DOMAIN}::{PLAN}",
        (quarter.mean(dim=(2, 3)), *parameters),
        {"num_frames": num_frames},
        dtypes=(parameters[0].dtype,) * 2,
        shapes=((num_clips, 2), (num_clips, num_frames, 2)),
        version=VERSION,
    )
    return offsets, weights


def interlace_by_node(features: Tensor, offsets: Tensor, weights: Tensor) -> Tensor:
    """Emit the node while `torch.onnx.export` traces; the result has the shape and type of the features, no values.

    Shapes as in the module's docstring; C is a multiple of 4.
    """
    return torch.onnx.ops.symbolic(
        f"{DOMAIN}::{INTERLACE}",
        (features, offsets, weights),
        {"num_frames": weights.shape[1]},
        dtype=features.dtype,
        shape=features.shape,
        version=VERSION,
    )


def define_nodes(model: onnx.ModelProto) -> None:
    """Add the functions that define the nodes to a model, and their domain to the imported opsets."""
    model.functions.extend(parser.parse_function(body) for body in (PLAN_BODY, INTERLACE_BODY))
    if DOMAIN not in {opset.domain for opset in model.opset_import}:
        model.opset_import.append(onnx.helper.make_opsetid(DOMAIN, VERSION))
