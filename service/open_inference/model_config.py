"""Configuration of a model in the JSON form of Triton's ModelConfig, as far as the service has what it describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from service.backends.contract import REQUIRED_OUTPUT
from service.models.versions import LoadedModel, UnloadedModel, VersionedModel
from service.open_inference.metadata import (
    TensorMetadata,
    describe_clips,
    describe_outputs,
    describe_video,
    platform_of,
)

LABELS_FILE = "labels.txt"
"""In the model's folder of the store; the export writes it for Triton."""

BACKENDS = {".onnx": "onnxruntime", ".mar": "torchserve", ".plan": "tensorrt", ".pt2": "pytorch"}
"""Triton's name of the runtime, where it has one, by the suffix of the artifact's name."""


class ConfigInput(BaseModel):
    """An input; a request has exactly one of those that are optional."""

    name: str
    data_type: str = Field(description="TYPE_UINT8 or TYPE_STRING, which is a BYTES tensor")
    dims: list[int] = Field(description="The shape without the axis that counts clips")
    optional: bool = True


class ConfigOutput(BaseModel):
    """An output."""

    name: str
    data_type: str = Field(description="TYPE_FP32 or TYPE_STRING, which is a BYTES tensor")
    dims: list[int] = Field(description="The shape without the axis that counts clips; -1 is not known here")
    label_filename: str = ""


class DynamicBatching(BaseModel):
    """Clips that arrive while the model is busy form its next batch; none is held back to wait for others."""

    max_queue_delay_microseconds: int = 0


class AllVersions(BaseModel):
    """Every version of the store is served."""


class SpecificVersions(BaseModel):
    """These versions are served."""

    versions: list[int]


class VersionPolicy(BaseModel):
    """The versions that the model's policy loads; one of the fields is there."""

    all: AllVersions | None = None
    specific: SpecificVersions | None = None


class ModelConfig(BaseModel):
    """Triton's ModelConfig of a model."""

    name: str
    platform: str
    backend: str
    version_policy: VersionPolicy
    max_batch_size: int = Field(description="Most clips in one request")
    input: list[ConfigInput]
    output: list[ConfigOutput]
    dynamic_batching: DynamicBatching = DynamicBatching()
    default_model_filename: str


def describe_config(model: LoadedModel, versions: VersionedModel, max_clips: int) -> ModelConfig:
    """The configuration of a loaded version of the model `versions`; `max_clips` is the most in one request."""
    return ModelConfig(
        name=model.name,
        platform=platform_of(model),
        backend=BACKENDS.get(Path(model.artifact).suffix, ""),
        version_policy=_policy(versions),
        max_batch_size=max_clips,
        input=[ConfigInput(**_type_and_dims(tensor)) for tensor in (describe_clips(model.spec), describe_video())],
        output=[_output(tensor) for tensor in describe_outputs(model)],
        default_model_filename=model.artifact,
    )


def _output(tensor: TensorMetadata) -> ConfigOutput:
    labels = LABELS_FILE if tensor.name == REQUIRED_OUTPUT else ""
    return ConfigOutput(**_type_and_dims(tensor), label_filename=labels)


def _type_and_dims(tensor: TensorMetadata) -> dict[str, Any]:
    data_type = "TYPE_STRING" if tensor.datatype == "BYTES" else f"TYPE_{tensor.datatype}"
    return {"name": tensor.name, "data_type": data_type, "dims": tensor.shape[1:]}


def _policy(versions: VersionedModel) -> VersionPolicy:
    if not any(isinstance(version, UnloadedModel) for version in versions.versions):
        return VersionPolicy(all=AllVersions())
    loaded = [version.version for version in versions.versions if not isinstance(version, UnloadedModel)]
    return VersionPolicy(specific=SpecificVersions(versions=[int(name) for name in loaded if name.isdecimal()]))
