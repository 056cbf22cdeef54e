"""A portable fp32 graph becomes an int8 one: quantised statically, as pairs of QuantizeLinear and DequantizeLinear.

Convolutions and what lies between them work in integers; the interlace and the head stay in float. Activations are
uint8 and weights int8, per output channel: the pairing of x86's VNNI instructions, which ONNX Runtime's convolutions
are written for (ONNX Runtime, "Quantize ONNX Models"). A processor without them adds pairs of products in 16 bits,
which may overflow: there the graph is no faster, and its answers are not those that were judged.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from export.errors import ExportError
from service.backends.base import Clips
from service.backends.contract import INPUT

BETWEEN_CONVOLUTIONS = ("Relu", "MaxPool", "Add", "Concat")


def to_int8(graph: bytes, calibration: Iterable[Clips]) -> bytes:
    """The graph quantised, its contract unchanged: uint8 `clips` in; `logits`, `offsets` and `weights` out.

    Args:
        graph: what `export.graph.onnx_export.to_onnx` made, portable and fp32.
        calibration: uint8 [N, T, H, W, 3] batches; activations get the range that they have over all of these.

    Raises:
        ExportError: the graph has no fp32 convolution over frames, or there is no clip to calibrate on.
    """
    reader = _Reader(calibration)
    model = onnx.load_from_string(graph)
    nodes = feature_nodes(model.graph)
    if not nodes:
        raise ExportError("the graph has no fp32 convolution over frames; int8 is made from the portable fp32 graph")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(model, source, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            source,
            target,
            reader,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", *BETWEEN_CONVOLUTIONS],
            nodes_to_quantize=nodes,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return target.read_bytes()


def feature_nodes(graph: onnx.GraphProto) -> list[str]:
    """Names of the fp32 convolutions over frames, and of what works on nothing but their results.

    The interlace's small convolutions are over time alone, with kernels of three dimensions, and what follows them is
    left out with them.
    """
    kernels = {tensor.name for tensor in graph.initializer if _is_frame_kernel(tensor)}
    features: set[str] = set()
    names = []
    for node in graph.node:
        is_convolution = node.op_type == "Conv" and node.input[1] in kernels
        if is_convolution or (node.op_type in BETWEEN_CONVOLUTIONS and features.issuperset(node.input)):
            features.update(node.output)
            names.append(node.name)
    return names


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    """Batches of clips as ONNX Runtime's calibration asks for them."""

    def __init__(self, calibration: Iterable[Clips]) -> None:
        batches = iter(calibration)
        first = next(batches, None)
        if first is None:
            raise ExportError("there is no clip to calibrate the int8 graph on")
        self._batches: Iterator[Clips] = chain([first], batches)

    def get_next(self) -> dict[str, Clips] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def _is_frame_kernel(tensor: onnx.TensorProto) -> bool:
    return len(tensor.dims) == 4 and tensor.data_type == onnx.TensorProto.FLOAT
