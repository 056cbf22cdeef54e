"""Request of POST /v2/models/.../infer: its JSON, with the Binary Tensor Data and the Classification extensions."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(max_length=128)]
Size = Annotated[int, Field(ge=0, le=2**31 - 1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class InputParameters(_Strict):
    """Parameters of an input; shared memory is not offered."""

    binary_data_size: Size | None = Field(default=None, description="Bytes of this tensor behind the JSON")


class InputTensor(_Strict):
    """`clips` or `video`, in `data` or as bytes behind the JSON."""

    name: Name
    shape: list[Size] = Field(max_length=8)
    datatype: Name
    parameters: InputParameters = InputParameters()
    data: Any = Field(
        default=None,
        description="Values in row-major order, flat or nested by the shape; a video is its file in base64",
    )


class OutputParameters(_Strict):
    """Parameters of an output; shared memory is not offered."""

    binary_data: bool | None = Field(default=None, description="Answer as bytes; `binary_data_output` when not given")
    classification: Size = Field(
        default=0, description="Answer the so many highest values as texts `value:index:label` instead of all values"
    )


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
