"""A checkpoint becomes an ONNX graph under the contract: uint8 `clips` in; `logits`, `offsets` and `weights` out."""

from __future__ import annotations

import logging
import warnings

import onnx
import torch

from export.split_residual import SplitTIN
from training.checkpoint import Checkpoint

OPSET = 18

CLIPS = "clips"
OUTPUTS = ("logits", "offsets", "weights")


class ExportError(Exception):
    """The checkpoint cannot be exported; the message says why."""


def to_onnx(checkpoint: Checkpoint) -> bytes:
    """The serialised graph, of standard operators only, with a dynamic number of clips; checked in full."""
    architecture = checkpoint.architecture
    if architecture.temporal != "tin":
        raise ExportError(f"only networks with interlacing are exported, not temporal: {architecture.temporal}")
    spec = checkpoint.clip
    network = SplitTIN(checkpoint.build_model(), spec).eval()
    example = torch.zeros((2, spec.num_frames, spec.crop, spec.crop, 3), dtype=torch.uint8)
    graph = _trace(network, example)
    onnx.checker.check_model(onnx.load_from_string(graph), full_check=True)
    return graph


def _trace(network: SplitTIN, example: torch.Tensor) -> bytes:
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=[CLIPS],
            output_names=list(OUTPUTS),
            dynamic_shapes=({0: torch.export.Dim("num_clips", min=1)},),
            verbose=False,
        )
    assert program is not None
    graph: bytes = program.model_proto.SerializeToString()
    return graph
