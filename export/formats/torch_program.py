"""The torch program (.pt2) of a checkpoint, under the contract of the ONNX graph: see `service.backends.torch_program`.

The program carries its own code: whoever loads it needs torch, but nothing of this repository.
"""

from __future__ import annotations

import io
import logging
import warnings

import torch

from export.errors import ExportError
from export.graph.onnx_export import Precision, check_exportable, dtype_of
from export.graph.split_network import SplitTIN
from training.checkpoints.checkpoint import Checkpoint


def to_torch(checkpoint: Checkpoint, precision: Precision = Precision.FP32) -> bytes:
    """The serialised program, with a dynamic number of clips. Raises ExportError."""
    check_exportable(checkpoint)
    spec = checkpoint.clip
    network = SplitTIN(checkpoint.build_model(), spec, precision=dtype_of(precision)).eval()
    example = torch.zeros((2, spec.num_frames, spec.crop, spec.crop, 3), dtype=torch.uint8)
    num_clips = torch.export.Dim("num_clips", min=1)
    file = io.BytesIO()
    logging.getLogger("torch.export").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            torch.export.save(torch.export.export(network, (example,), dynamic_shapes=({0: num_clips},)), file)
        except RuntimeError as error:
            raise ExportError(f"torch cannot export the network: {error}") from error
    return file.getvalue()
