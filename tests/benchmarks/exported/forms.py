"""Forms of a network to time: exported graphs in their runtimes, plain exports, torch."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from clips.clip_spec import ClipSpec
from export.graph.onnx_export import OPSET
from service.backends.base import Clips
from service.backends.openvino import OpenVinoBackend
from tests.helpers.reference import tin_r50_tensors
from tests.helpers.training.foreign_files import from_mmaction2
from training.checkpoints.checkpoint import Checkpoint
from training.model.interlace import TemporalInterlace
from training.model.interlace_ops import NUM_GROUPS
from training.model.tin import TIN, Architecture, ConvNorm, Normalise, Temporal

SPEC = ClipSpec()
NUM_CLASSES = 174

Logits = NDArray[np.float32]
Form = Callable[[Clips], Logits]
"""One way to run a network: uint8 clips [N, T, H, W, 3] to logits float32 [N, K]."""


class EinsumInterlace(nn.Module):
    """Interlacing in its plain form: a slice, an einsum over frames, weights, a concatenation."""

    def __init__(self, interlace: TemporalInterlace) -> None:
        super().__init__()
        self.interlace = interlace

    def forward(self, features: Tensor) -> Tensor:
        """[N * T, C, H, W] to the same shape."""
        num_frames, channels = self.interlace.num_frames, self.interlace.num_channels
        quarter, rest = features.tensor_split([channels], dim=1)
        offsets, weights = self.interlace.plan(quarter)
        frame = torch.arange(num_frames)
        distance = (frame[:, None] - frame)[None, :, :, None]
        taps = torch.relu(1 - (distance - torch.cat([offsets, -offsets], dim=1)[:, None, None]).abs())
        groups = quarter.reshape(-1, num_frames, NUM_GROUPS, channels // NUM_GROUPS, *quarter.shape[2:])
        moved = torch.einsum("ntsg,nsgchw->ntgchw", taps, groups)
        weighed = moved * torch.cat([weights, weights], dim=2)[..., None, None, None]
        return torch.cat([weighed.reshape(quarter.shape), rest], dim=1)


def with_einsum(model: TIN) -> TIN:
    """Return a copy of the network that interlaces by einsum."""
    model = copy.deepcopy(model)
    for block in model.blocks:
        assert isinstance(block.interlace, TemporalInterlace)
        setattr(block, "interlace", EinsumInterlace(block.interlace))  # noqa: B010
    return model


def folded(model: TIN) -> TIN:
    """Return a copy of the network with batch normalisation folded into its convolutions."""
    model = copy.deepcopy(model)
    for module in model.modules():
        if isinstance(module, ConvNorm):
            module.conv = fuse_conv_bn_eval(module.conv, module.norm)
            setattr(module, "norm", nn.Identity())  # noqa: B010
    return model


def reference_checkpoint() -> Checkpoint:
    """Return the network with the weights of the recorded values."""
    tensors = from_mmaction2({name: torch.from_numpy(array) for name, array in tin_r50_tensors().items()})
    return Checkpoint(Architecture(num_classes=NUM_CLASSES), SPEC, tuple(map(str, range(NUM_CLASSES))), tensors)


def without_interlace(checkpoint: Checkpoint) -> TIN:
    """Return the network without interlacing."""
    architecture = replace(checkpoint.architecture, temporal=Temporal.NONE)
    tensors = {name: tensor for name, tensor in checkpoint.tensors.items() if "interlace" not in name}
    return replace(checkpoint, architecture=architecture, tensors=tensors).build_model()


def export_plainly(model: TIN) -> bytes:
    """Return normalisation and network exported by `torch.onnx.export` alone, with a dynamic number of clips."""
    example = torch.zeros((2, SPEC.num_frames, SPEC.crop, SPEC.crop, 3), dtype=torch.uint8)
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            nn.Sequential(Normalise(SPEC), model).eval(),
            (example,),
            dynamo=True,
            opset_version=OPSET,
            input_names=["clips"],
            output_names=["logits"],
            dynamic_shapes=({0: torch.export.Dim("num_clips", min=1)},),
            verbose=False,
        )
    assert program is not None
    graph: bytes = program.model_proto.SerializeToString()
    return graph


def in_onnx_runtime(graph: bytes) -> Form:
    """Return the graph as a form, in a session of one thread."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda clips: session.run(["logits"], {"clips": clips})[0]


def in_torch(model: TIN, spec: ClipSpec) -> Form:
    """Return the plain network as a form, with its batch normalisation."""
    network = nn.Sequential(Normalise(spec), model).eval()

    @torch.inference_mode()
    def run(clips: Clips) -> Logits:
        return np.asarray(network(torch.from_numpy(clips)).numpy())

    return run


def in_openvino(graph: bytes, folder: Path) -> Form:
    """Return the graph as a form of our backend, on one core; its file is written to the folder."""
    path = folder / f"{len(list(folder.iterdir()))}.onnx"
    path.write_bytes(graph)
    backend = OpenVinoBackend(path, 1)
    return lambda clips: backend.infer(clips).logits
