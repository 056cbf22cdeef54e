"""Torch program (.pt2) of a checkpoint, under the same contract as the ONNX graph; run by `service.backends`.

The program contains its own code: loading it needs torch, but nothing of this repository. It is traced once for all
checkpoints of an architecture, and then takes the weights of each.
"""

from __future__ import annotations

import functools
import io
import logging
import warnings

import torch

from clips.clip_spec import ClipSpec
from export.errors import ExportError
from export.graph.split_network import SplitNetwork
from export.precision import Precision
from training.checkpoints.checkpoint import Checkpoint
from training.model.tin import TIN, Architecture


def to_torch(checkpoint: Checkpoint, precision: Precision = Precision.FP32) -> bytes:
    """Return the serialised program of `torch.export`, with a dynamic number of clips.

    uint8 clips [N, T, H, W, 3] to the outputs of `service.backends.contract`, float32, by name.

        Path("model.pt2").write_bytes(to_torch(load_checkpoint(Path("checkpoint.safetensors"))))

    Raises ExportError for a network that torch cannot export.
    """
    network = SplitNetwork(checkpoint.build_model(), checkpoint.clip, precision=precision.dtype)
    program = _traced(checkpoint.architecture, checkpoint.clip, precision)
    with torch.no_grad():
        for name, weight in network.state_dict().items():
            program.state_dict[name].copy_(weight)
    file = io.BytesIO()
    torch.export.save(program, file)
    return file.getvalue()


@functools.lru_cache(maxsize=1)
def _traced(architecture: Architecture, spec: ClipSpec, precision: Precision) -> torch.export.ExportedProgram:
    network = SplitNetwork(TIN(architecture).eval(), spec, precision=precision.dtype).eval()
    example = torch.zeros((2, spec.num_frames, spec.crop, spec.crop, 3), dtype=torch.uint8)
    num_clips = torch.export.Dim("num_clips", min=1)
    logging.getLogger("torch.export").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            return torch.export.export(network, (example,), dynamic_shapes=({0: num_clips},))
        except RuntimeError as error:
            raise ExportError(f"torch cannot export the network: {error}") from error
