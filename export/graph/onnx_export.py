"""A checkpoint becomes an ONNX graph under the contract: uint8 `clips` in; `logits`, `offsets` and `weights` out."""

from __future__ import annotations

import logging
import warnings
from enum import StrEnum

import onnx
import torch

from export.errors import ExportError
from export.graph.onnx_function import define_node, interlace_by_node
from export.graph.split_network import SplitTIN, interlace_by_hat
from service.backends.contract import INPUT, OUTPUTS
from training.checkpoints.checkpoint import Checkpoint

OPSET = 18


class Flavour(StrEnum):
    """How interlacing is written."""

    PORTABLE = "portable"
    """In standard operators."""
    PLUGIN = "plugin"
    """As the node `tin::TemporalInterlace`, with a body in standard operators."""


class Precision(StrEnum):
    """The type of the convolutions; offsets, weights and logits are float32 in any case."""

    FP32 = "fp32"
    FP16 = "fp16"


def to_onnx(
    checkpoint: Checkpoint, flavour: Flavour = Flavour.PORTABLE, precision: Precision = Precision.FP32
) -> bytes:
    """The serialised graph, with a dynamic number of clips; checked in full. Raises ExportError."""
    check_exportable(checkpoint)
    spec = checkpoint.clip
    move = interlace_by_node if flavour is Flavour.PLUGIN else interlace_by_hat
    network = SplitTIN(checkpoint.build_model(), spec, move, dtype_of(precision)).eval()
    model = trace(network, torch.zeros((2, spec.num_frames, spec.crop, spec.crop, 3), dtype=torch.uint8))
    if flavour is Flavour.PLUGIN:
        define_node(model)
    onnx.checker.check_model(model, full_check=True)
    graph: bytes = model.SerializeToString()
    return graph


def check_exportable(checkpoint: Checkpoint) -> None:
    """Raises ExportError for a network that has nothing to interlace by."""
    temporal = checkpoint.architecture.temporal
    if temporal != "tin":
        raise ExportError(f"only networks with interlacing are exported, not temporal: {temporal}")


def dtype_of(precision: Precision) -> torch.dtype:
    """Torch's name for it."""
    return torch.float16 if precision is Precision.FP16 else torch.float32


def trace(network: torch.nn.Module, example: torch.Tensor) -> onnx.ModelProto:
    """The graph of a network with one input, its first dimension dynamic, and the contract's outputs."""
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim("num_clips", min=1)},),
            verbose=False,
        )
    assert program is not None
    return _without_origins(program.model_proto)


def _without_origins(model: onnx.ModelProto) -> onnx.ModelProto:
    """Torch notes at every node which line of which file it came from: paths of the machine that exported."""
    for part in (model.graph, *model.functions):
        for item in (*part.node, *part.value_info):
            del item.metadata_props[:]
    for item in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del item.metadata_props[:]
    return model
