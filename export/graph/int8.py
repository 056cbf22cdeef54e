"""Static int8 quantisation of a portable fp32 graph, as pairs of QuantizeLinear and DequantizeLinear (QDQ).

Convolutions and the operators between them run in integers; the interlacing and the head stay in float. Activations
are uint8 and weights int8, per output channel: the pairing of x86's VNNI instructions, for which ONNX Runtime's
convolutions are written (ONNX Runtime, "Quantize ONNX Models"). A CPU without VNNI adds pairs of products in 16 bits,
which saturate. Weights therefore take SAFE_WEIGHT_BITS, with which no pair can: the graph is exact on any CPU.
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

BETWEEN_CONVOLUTIONS = ("Relu", "MaxPool", "Add")
PARTS = ("Split", "Slice", "Concat")
"""Operators that take a feature map apart, and put one together: also of a part that was interlaced in float."""


def to_int8(graph: bytes, calibration: Iterable[Clips]) -> bytes:
    """Return the quantised graph; its inputs and outputs are unchanged.

    Args:
        graph: an ONNX graph of `export.graph.onnx_export.to_onnx`, portable and fp32.
        calibration: uint8 [N, T, H, W, 3] batches; the range of each activation is its minimum and maximum over them.

    Raises:
        ExportError: the graph has no fp32 convolution over frames, or `calibration` is empty.
    """
    reader = _BatchReader(calibration)
    model = onnx.load_from_string(graph)
    nodes = feature_nodes(model.graph)
    if not nodes:
        raise ExportError("the graph has no fp32 convolution over frames; quantise the portable fp32 graph")
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "fp32.onnx", Path(folder) / "int8.onnx"
        quant_pre_process(model, source, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            source,
            target,
            reader,
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Conv", *BETWEEN_CONVOLUTIONS, *PARTS],
            nodes_to_quantize=nodes,
            per_channel=True,
            reduce_range=True,  # of weights, to SAFE_WEIGHT_BITS
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        return target.read_bytes()


def feature_nodes(graph: onnx.GraphProto) -> list[str]:
    """Return the names of the fp32 convolutions over frames, and of the operators between them.

    The convolutions of the interlacing are over time alone, with kernels of three dimensions: they and the operators
    after them are left out.
    """
    kernels = {tensor.name for tensor in graph.initializer if _is_frame_kernel(tensor)}
    features: set[str] = set()
    names = []
    for node in graph.node:
        is_convolution = node.op_type == "Conv" and node.input[1] in kernels
        is_between = node.op_type in BETWEEN_CONVOLUTIONS and features.issuperset(node.input)
        is_part = node.op_type in PARTS and not features.isdisjoint(node.input)
        if is_convolution or is_between or is_part:
            features.update(node.output)
            names.append(node.name)
    return names


class _BatchReader(CalibrationDataReader):  # type: ignore[misc]
    """Batches of clips in the form that ONNX Runtime's calibration reads."""

    def __init__(self, calibration: Iterable[Clips]) -> None:
        batches = iter(calibration)
        first = next(batches, None)
        if first is None:
            raise ExportError("int8 needs at least one clip to calibrate on; there is none")
        self._batches: Iterator[Clips] = chain([first], batches)

    def get_next(self) -> dict[str, Clips] | None:
        batch = next(self._batches, None)
        return None if batch is None else {INPUT: batch}


def _is_frame_kernel(tensor: onnx.TensorProto) -> bool:
    return len(tensor.dims) == 4 and tensor.data_type == onnx.TensorProto.FLOAT
