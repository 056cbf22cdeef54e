"""Schemas of /predict, /models, /health and problems."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import PydanticCustomError

from clips.clip_spec import View
from service.api.schemas.part import PartOfVideo, PartQuery
from service.store.manifest import TemporalKind


def _as_top_k(value: object, parse: ValidatorFunctionWrapHandler) -> object:
    try:
        return parse(value)
    except ValidationError:  # one message for the parameter, not one for each form that it may take
        raise PydanticCustomError("top_k", "Input should be a whole number from 1 on, or `all`") from None


TopKParameter = Annotated[Annotated[int, Field(ge=1)] | Literal["all"], WrapValidator(_as_top_k)]
"""A number of actions from 1 on, or `all`."""


class PredictQuery(PartQuery):
    """The parameters of POST /predict; an unknown name is an error."""

    top_k: TopKParameter | None = Field(
        default=None, description="How many actions, or `all`; too many give all; 5 when not given"
    )
    model: str | None = Field(default=None, description="A model's name; the default model when not given")
    version: str | None = Field(
        default=None, description="A version of the model; the one that its policy chooses when not given"
    )
    explain: bool = Field(
        default=False,
        description="Add the sampled frames, and how the network relates them; for TIN, the offsets and weights",
    )
    features: bool = Field(default=False, description="Add the features: what the classification head sees")
    stability: bool = Field(
        default=False,
        description="Add the predictions for other frames, and for reversed order; the model then runs three times",
    )


VideoText = Annotated[
    str,
    Field(
        description="The video as base64, or as a data: URI of it",
        json_schema_extra={"format": "base64", "contentEncoding": "base64"},
    ),
]


class PredictBody(PredictQuery):
    """A JSON body of POST /predict: the video, and parameters that are not in the query."""

    video: VideoText


class Action(BaseModel):
    """One action and its probability."""

    rank: int = Field(description="1 is the most probable")
    label: str
    index: int = Field(description="The class's place in the model's list of labels")
    probability: float = Field(ge=0, le=1)


class ModelRef(BaseModel):
    """The model that answered."""

    name: str
    version: str
    digest: str = Field(description="sha256 of the file that ran, as `sha256:<hexadecimal>`")


class SampledFrame(BaseModel):
    """One of the frames that the model saw."""

    index: int = Field(description="Position in the video, from 0, in the order of display")
    time_seconds: float = Field(ge=0, description="Time since the video's first frame, rising with the index")


class Video(BaseModel):
    """Properties of the upload, counted and measured, not read from its header."""

    container: str = Field(description="FFmpeg's name of the container format")
    codec: str = Field(description="FFmpeg's name of the video codec")
    size_bytes: int
    width: int = Field(description="In pixels, upright")
    height: int = Field(description="In pixels, upright")
    duration_seconds: float = Field(ge=0, description="From the first frame to the end of the last one")
    frames: int = Field(description="How many frames the video has")


class Clip(Video):
    """Properties of the upload, and the frames that the model saw."""

    sampled: list[SampledFrame] = Field(
        description="The frames that the model saw, in the order it saw them; for a model that samples a video twice "
        "all of the first clip and then all of the second"
    )


class Timing(BaseModel):
    """Wall-clock milliseconds of each stage; `total` also holds what lies between them, such as waiting."""

    upload: float | None = Field(default=None, description="Reading the request's body")
    decode: float = Field(description="Video bytes to frames")
    transform: float = Field(description="Frames to the model's input")
    infer: float = Field(description="The model itself")
    total: float


class InferTiming(BaseModel):
    """Wall-clock milliseconds of a request under /v2, for `Server-Timing`; only a video is decoded and transformed."""

    upload: float
    decode: float | None = None
    transform: float | None = None
    infer: float
    total: float


class FrameImage(SampledFrame):
    """A sampled frame to look at."""

    image: str = Field(description="A small JPEG as a data URL; the whole frame, upright")


class Interlacing(BaseModel):
    """The offsets and weights of the model's B blocks, first to last, on this clip; the mean over the views.

    A quarter of a block's channels, in four groups, moves along the T sampled frames: by the offsets o0, o1, -o0 and
    -o1, each group weighted by w0, w1, w0 and w1. The other channels stay.
    """

    offsets: list[list[float]] = Field(
        description="[B, 2]: o0 and o1, in sampled frames, from -2 to 2; above 0, a frame gets what came before it"
    )
    weights: list[list[list[float]]] = Field(description="[B, T, 2]: w0 and w1 for each sampled frame, from 0 to 2")


class Temporal(BaseModel):
    """The temporal module of the network: how it relates the frames."""

    kind: TemporalKind = Field(description="`tin` interlaces, `tsm` shifts by fixed steps, `none` sees single frames")
    description: str = Field(description="The same in a sentence")


class ShiftedSampling(BaseModel):
    """The prediction for other frames: those half-way to the next sampled one, for one clip half a segment later."""

    predictions: list[Action]
    sampled: list[SampledFrame]


class ReversedOrder(BaseModel):
    """The prediction for the answer's frames in reverse order."""

    predictions: list[Action]


class Stability(BaseModel):
    """Stability of the answer under other frames of the video and under reversed order.

    `shift` and `reversal` are total variation distances: the share of the probability that moves to other actions.
    """

    is_stable: bool = Field(description="True if the shifted sampling has the answer's top-1 action")
    depends_on_order: bool = Field(
        description="True if reversal changes the top-1 action, or moves at least a tenth of the probability"
    )
    shift: float = Field(ge=0, le=1, description="From the answer to the shifted sampling")
    reversal: float = Field(ge=0, le=1, description="From the answer to the reversed order")
    shifted: ShiftedSampling
    reversed: ReversedOrder


class PredictionResponse(BaseModel):
    """The top-k actions of one video."""

    predictions: list[Action] = Field(description="Most probable first; the probabilities sum to at most 1")
    likely: bool | None = Field(
        default=None,
        description="False if the top-1 probability is below the model's threshold: most likely none of its actions. "
        "Left out for a model without a threshold",
    )
    model: ModelRef
    clip: Clip
    part: PartOfVideo | None = Field(default=None, description="With `from` or `to`: the part that was seen")
    timing_ms: Timing
    frames: list[FrameImage] | None = Field(
        default=None, description="With `explain=true`: the sampled frames of the first clip"
    )
    temporal: Temporal | None = Field(default=None, description="With `explain=true`")
    interlacing: Interlacing | None = Field(default=None, description="With `explain=true`, of `tin` only")
    stability: Stability | None = Field(default=None, description="With `stability=true`")
    features: list[float] | None = Field(
        default=None, description="With `features=true`: [D], the head's input; the mean over frames and views"
    )


class TimelineParameters(BaseModel):
    """The parameters of a model's timelines."""

    window_seconds: float
    step_seconds: float
    min_probability: float


class ClipInput(BaseModel):
    """The model's input: `clips * num_frames` frames, each scaled and cut as `view` says."""

    num_frames: int = Field(description="T, the frames of one clip")
    clips: int = Field(description="2 for a model that samples a video twice")
    view: View = Field(
        description="`squeeze` scales the whole frame to the square; `centre`, `three` and `ten` cut squares from it"
    )
    short_side: int = Field(description="In pixels, of the frame that `centre` and `ten` cut from")
    crop: int = Field(description="Side of the square, in pixels")


class ModelStatus(BaseModel):
    """One version of the store, and its state."""

    name: str
    version: str
    status: str = Field(
        description="`ready`, or with a reason: `refused`, `unloaded` by its policy, `down` with its server"
    )
    policy: str = Field(
        description="The model's policy: `latest`, a version as in `pinned 2`, or those that are loaded as in `1, 3`"
    )
    policy_refused: str | None = Field(
        default=None, description="Why the policy in the store is not followed, or only in part"
    )
    is_default: bool = Field(description="True for the version that answers requests which name the model alone")
    reason: str | None = Field(
        default=None,
        description="Why it is refused or down, or, of one that is ready, the files that were to replace it",
    )
    digest: str | None = Field(default=None, description="sha256 of the file that runs")
    artifact: str | None = Field(default=None, description="The file that runs")
    choice: str | None = Field(default=None, description="Why that file, of all those of the version")
    devices: list[str] | None = Field(
        default=None, description="The devices that run it, such as `cpu` or `cuda:0`; none where a server does"
    )
    num_frames: int | None = Field(default=None, description="How many frames of a video the model sees at a time")
    num_views: int | None = Field(
        default=None, description="How often it runs for one video: crops times clips, whose probabilities are averaged"
    )
    temporal: TemporalKind | None = Field(default=None, description="The network's temporal module")
    clip: ClipInput | None = Field(default=None, description="What the model takes, for clients of `/v2`")
    temperature: float | None = Field(
        default=None, description="Divides the logits before the softmax, which gives the probabilities"
    )
    threshold: float | None = Field(default=None, description="Least top-1 probability of a `likely` answer")
    timeline: TimelineParameters | None = Field(
        default=None, description="Of POST /timeline where a request gives none"
    )
    labels: list[str] | None = None


class ModelsResponse(BaseModel):
    """All versions of the store."""

    default: str | None = Field(description="The model that answers a request which names none")
    models: list[ModelStatus]
    max_upload_bytes: int = Field(description="The largest body that POST /predict takes")


class Health(BaseModel):
    """Liveness or readiness."""

    status: str


class ProblemMeaning(BaseModel):
    """The meaning of a problem's `type`."""

    type: str
    title: str
    status: int


class Problem(BaseModel):
    """A failure, by RFC 9457."""

    type: str = Field(description="Names the kind of problem; an address of this service that explains it")
    title: str = Field(description="The kind of problem, in words")
    status: int = Field(description="The HTTP status")
    detail: str = Field(description="What went wrong this time, one line, for the reader")
    instance: str | None = Field(default=None, description="The path that was asked for, where it could be read")
    request_id: str | None = Field(default=None, description="Finds this request in the service's log")
