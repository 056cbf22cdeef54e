"""ONNX export of a checkpoint, under the contract of `service.backends.contract`.

Tracing takes nearly all of the time of an export, and depends on the architecture alone. The graph is therefore traced
once, without weights, and filled with those of each checkpoint: also of the one with made offsets, by which an artifact
is proven.
"""

from __future__ import annotations

import functools
import logging
import warnings
from collections.abc import Mapping, Sequence
from enum import StrEnum

import onnx
import torch

from clips.clip_spec import ClipSpec
from export.errors import ExportError
from export.graph.interlacing import Interlacer, plan_by_layers
from export.graph.onnx_function import define_nodes, interlace_by_node, plan_by_node
from export.graph.split_network import SplitNetwork
from export.precision import Precision
from export.tensorrt_plugin.launch import MOST_PLANNED_FRAMES
from service.backends.contract import INPUT, OUTPUTS, outputs_of_network
from training.checkpoints.checkpoint import Checkpoint
from training.model.tin import TIN, Architecture, Temporal

OPSET = 18


class GraphVariant(StrEnum):
    """Spelling of the interlacing in the graph."""

    PORTABLE = "portable"
    """Standard operators."""
    PLUGIN = "plugin"
    """The nodes `tin::InterlacePlan` and `tin::TemporalInterlace`, with function bodies in standard operators."""


def to_onnx(
    checkpoint: Checkpoint, variant: GraphVariant = GraphVariant.PORTABLE, precision: Precision = Precision.FP32
) -> bytes:
    """Return the serialised graph, checked in full, with a dynamic number of clips.

    uint8 `clips` [N, T, H, W, 3] to float32 `logits` [N, K], `features` [N, D] and, for a network that interlaces,
    `offsets` [N, B, 2] and `weights` [N, B, T, 2].

        Path("model.onnx").write_bytes(to_onnx(load_checkpoint(Path("checkpoint.safetensors"))))

    Raises ExportError for the variant PLUGIN of a network that does not interlace.
    """
    check_variant(checkpoint, variant)
    network = _split(checkpoint.build_model(), checkpoint.clip, variant, precision)
    model = onnx.ModelProto()
    model.CopyFrom(skeleton(checkpoint.architecture, checkpoint.clip, variant, precision))
    _fill(model, network.state_dict())
    onnx.checker.check_model(model, full_check=True)
    graph: bytes = model.SerializeToString()
    return graph


def check_variant(checkpoint: Checkpoint, variant: GraphVariant) -> None:
    """Raise ExportError for the plugin's node in a network that does not interlace."""
    if variant is GraphVariant.PLUGIN and not interlaces(checkpoint.architecture):
        raise ExportError(
            f"a network without interlacing (temporal: {checkpoint.architecture.temporal}) has no node for the plugin; "
            "choose the format onnx"
        )


def outputs_of(architecture: Architecture) -> tuple[str, ...]:
    """Return the names of the outputs of an architecture's graph, in the contract's order."""
    return outputs_of_network(interlaces=interlaces(architecture))


def interlaces(architecture: Architecture) -> bool:
    """Return True for a network that interlaces."""
    return architecture.temporal is Temporal.TIN


@functools.lru_cache(maxsize=8)
def skeleton(
    architecture: Architecture, spec: ClipSpec, variant: GraphVariant, precision: Precision
) -> onnx.ModelProto:
    """Return the graph of every checkpoint of an architecture: its initializers of weights have no values.

    Raises ExportError when tracing lost a weight, so that the graph cannot be filled.
    """
    network = _split(TIN(architecture).eval(), spec, variant, precision)
    weights = network.state_dict()
    generator = torch.Generator().manual_seed(0)
    for weight in weights.values():
        weight.normal_(generator=generator)  # the optimiser of torch.onnx merges tensors that are equal
    example = torch.zeros((2, spec.num_frames, spec.crop, spec.crop, 3), dtype=torch.uint8)
    model = trace(network, example, outputs_of(architecture))
    if variant is GraphVariant.PLUGIN:
        define_nodes(model)
    _empty(model, weights)
    return model


def trace(network: torch.nn.Module, example: torch.Tensor, outputs: Sequence[str] = OUTPUTS) -> onnx.ModelProto:
    """Return the graph of a network with these outputs of the contract and one input, whose first axis is dynamic."""
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim("num_clips", min=1)},),
            verbose=False,
        )
    assert program is not None
    return _without_origins(program.model_proto)


def _without_origins(model: onnx.ModelProto) -> onnx.ModelProto:
    # torch.onnx writes a stack trace into every node, with paths of the machine that exported.
    for part in (model.graph, *model.functions):
        for item in (*part.node, *part.value_info):
            del item.metadata_props[:]
    for item in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        del item.metadata_props[:]
    return model


def _split(model: TIN, spec: ClipSpec, variant: GraphVariant, precision: Precision) -> SplitNetwork:
    interlacer = interlacer_of_nodes(spec.num_frames) if variant is GraphVariant.PLUGIN else Interlacer()
    return SplitNetwork(model, spec, interlacer, precision.dtype).eval()


def interlacer_of_nodes(num_frames: int) -> Interlacer:
    """Return the operators as nodes; the plan by layers for clips that are too long for its kernel."""
    plan = plan_by_node if num_frames <= MOST_PLANNED_FRAMES else plan_by_layers
    return Interlacer(plan, interlace_by_node)


def _empty(model: onnx.ModelProto, weights: Mapping[str, torch.Tensor]) -> None:
    initializers = {tensor.name: tensor for tensor in model.graph.initializer}
    lost = sorted(weights.keys() - initializers.keys())
    if lost:
        raise ExportError(f"torch.onnx lost the weights {lost} while tracing; this version of torch is not supported")
    for name in weights:
        initializers[name].ClearField("raw_data")


def _fill(model: onnx.ModelProto, weights: Mapping[str, torch.Tensor]) -> None:
    for tensor in model.graph.initializer:
        if tensor.name in weights:
            tensor.raw_data = weights[tensor.name].numpy().tobytes()
