"""Metadata of the server and of a model: the tensors that a request may send and ask for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field

from clips.clip_spec import ClipSpec
from service.backends.contract import DTYPES, INPUT, shape_of
from service.models.versions import LoadedModel

VIDEO = "video"
"""Input in place of the clips: the bytes of one video file, which is decoded and sampled here."""

LABELS = "labels"
"""Output beside those of the graph: the most probable label of each clip, or of the video over all of its views."""

DTYPE_NAMES = {"uint8": "UINT8", "float32": "FP32"}
"""The protocol's names of the contract's element types."""

EXTENSIONS = ["binary_tensor_data", "classification", "model_configuration", "model_repository", "statistics"]

PLATFORMS = {
    ".onnx": "onnx_onnxv1",
    ".mar": "torchserve_mar",
    ".plan": "tensorrt_plan",
    ".pt2": "pytorch_exportedprogram",
}
"""The protocol's <project>_<format>, by the suffix of the artifact's name."""


class TensorMetadata(BaseModel):
    """An input or output of a model; -1 is an axis of any length."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model's inputs, of which a request has one, and its outputs."""

    name: str
    versions: list[str] = Field(description="Those that answer, oldest first")
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


class ServerMetadata(BaseModel):
    """The service's name, version and extensions."""

    name: str
    version: str
    extensions: list[str]


class ServerLive(BaseModel):
    """The process answers."""

    live: Literal[True] = True


class ServerReady(BaseModel):
    """The default model answers."""

    ready: Literal[True] = True


class ModelReady(BaseModel):
    """The model answers."""

    name: str
    ready: Literal[True] = True


def describe_model(model: LoadedModel, versions: Sequence[str]) -> ModelMetadata:
    """The metadata of a loaded version; `versions` are all that are loaded of its model."""
    return ModelMetadata(
        name=model.name,
        versions=list(versions),
        platform=platform_of(model),
        inputs=[describe_clips(model.spec), describe_video()],
        outputs=describe_outputs(model),
    )


def describe_clips(spec: ClipSpec) -> TensorMetadata:
    """`clips`, UINT8 [-1, T, H, W, 3]."""
    return _describe(INPUT, T=spec.num_frames, H=spec.crop, W=spec.crop)


def describe_video() -> TensorMetadata:
    """`video`, BYTES [1, 1]: one video of one file. Triton's clients take the first axis for that of the batch."""
    return TensorMetadata(name=VIDEO, datatype="BYTES", shape=[1, 1])


def describe_outputs(model: LoadedModel) -> list[TensorMetadata]:
    """The graph's outputs, FP32, and `labels`, BYTES [-1, 1]; the numbers of features and blocks are not known here."""
    sizes = {"T": model.spec.num_frames, "K": len(model.labels)}
    labels = TensorMetadata(name=LABELS, datatype="BYTES", shape=[-1, 1])
    return [*(_describe(name, **sizes) for name in model.outputs), labels]


def platform_of(model: LoadedModel) -> str:
    """The protocol's name of the artifact's format."""
    return PLATFORMS.get(Path(model.artifact).suffix, "unknown")


def _describe(name: str, **sizes: int) -> TensorMetadata:
    return TensorMetadata(name=name, datatype=DTYPE_NAMES[DTYPES[name]], shape=shape_of(name, **sizes))
