"""Schemas of /v2: the Open Inference Protocol (V2) and its Binary Tensor Data Extension."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

BINARY_EXTENSION = "binary_tensor_data"

Name = Annotated[str, Field(max_length=128)]
Size = Annotated[int, Field(ge=0, le=2**31 - 1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InputParameters(_Strict):
    """Parameters of an input; shared memory is not supported."""

    binary_data_size: Size | None = Field(default=None, description="Bytes of this tensor behind the JSON")


class InputTensor(_Strict):
    """The clips, in `data` or as bytes behind the JSON."""

    name: Name
    shape: list[Size] = Field(max_length=8)
    datatype: Name
    parameters: InputParameters = InputParameters()
    data: Any = Field(default=None, description="Values in row-major order, flat or nested by the shape")


class OutputParameters(_Strict):
    """Parameters of an output; shared memory and classification are not supported."""

    binary_data: bool | None = Field(default=None, description="Answer as bytes; `binary_data_output` when not given")


class RequestedOutput(_Strict):
    """One requested output."""

    name: Name
    parameters: OutputParameters = OutputParameters()


class RequestParameters(BaseModel):
    """Parameters of the request; others are ignored."""

    binary_data_output: bool = Field(default=False, description="Answer every tensor as bytes behind the JSON")


class InferRequest(BaseModel):
    """The JSON of POST /v2/models/.../infer."""

    id: Name | None = Field(default=None, description="Comes back with the answer")
    parameters: RequestParameters = RequestParameters()
    inputs: list[InputTensor]
    outputs: list[RequestedOutput] = Field(default=[], max_length=8, description="All of them when not given")


class BinarySize(BaseModel):
    """The size of a tensor's bytes, which follow the JSON in the order of the tensors."""

    binary_data_size: int


class OutputTensor(BaseModel):
    """One tensor of the answer."""

    name: str
    shape: list[int]
    datatype: str
    parameters: BinarySize | None = None
    data: list[float] | None = Field(default=None, description="Values in row-major order")


class InferResponse(BaseModel):
    """The JSON of the answer."""

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[OutputTensor]


class TensorMetadata(BaseModel):
    """An input or output of a model; -1 is an axis of any length."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """A model's inputs and outputs."""

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


class InferError(BaseModel):
    """A failure under /v2."""

    error: str
