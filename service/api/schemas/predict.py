"""What goes over the wire: the parameters, the answers and the problems."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class PredictQuery(BaseModel):
    """The parameters of POST /predict. A name that is not among them is an error, not ignored."""

    model_config = ConfigDict(extra="forbid")

    top_k: int | None = Field(
        default=None, ge=1, description="How many actions, at most one per class; 5 when not given"
    )
    model: str | None = Field(default=None, description="A model's name; the default model when not given")
    version: str | None = Field(default=None, description="A version of the model; its newest when not given")
    explain: bool = Field(default=False, description="Add the sampled frames and what the model interlaced")
    stability: bool = Field(
        default=False,
        description="Add what the model makes of other frames, and of these in reverse; it then runs three times",
    )


class Action(BaseModel):
    """One action and how likely the model finds it."""

    rank: int = Field(description="1 is the likeliest")
    label: str
    index: int = Field(description="The class's place in the model's list of labels")
    probability: float = Field(ge=0, le=1)


class ModelRef(BaseModel):
    """Which model answered."""

    name: str
    version: str
    digest: str = Field(description="sha256 of the file that ran, as `sha256:<hexadecimal>`")


class SampledFrame(BaseModel):
    """One of the frames that the model saw."""

    index: int = Field(description="Position in the video, from 0, in the order of display")
    time_seconds: float = Field(description="Time since the video's first frame")


class Video(BaseModel):
    """What the upload turned out to hold; counted and measured, not read from its header."""

    container: str = Field(description="FFmpeg's name of the container format")
    codec: str = Field(description="FFmpeg's name of the video codec")
    size_bytes: int
    width: int = Field(description="In pixels, upright")
    height: int = Field(description="In pixels, upright")
    duration_seconds: float
    frames: int = Field(description="How many frames the video has")


class Clip(Video):
    """What the upload turned out to hold, and what the model saw of it."""

    sampled: list[SampledFrame] = Field(description="The frames that the model saw, in the order it saw them")


class Timing(BaseModel):
    """Wall-clock milliseconds of each stage; `total` also holds what lies between them, such as waiting."""

    upload: float | None = Field(default=None, description="Reading the request's body")
    decode: float = Field(description="Video bytes to frames")
    transform: float = Field(description="Frames to the model's input")
    infer: float = Field(description="The model itself")
    total: float


class InferTiming(BaseModel):
    """The same of a request under /v2, which brings its clips with it; told in `Server-Timing` only."""

    upload: float
    infer: float
    total: float


class FrameImage(SampledFrame):
    """A sampled frame to look at."""

    image: str = Field(description="A small JPEG as a data URL; the whole frame, upright")


class Interlacing(BaseModel):
    """What each of the model's B blocks, first to last, did with time on this clip; the mean over the views.

    A quarter of a block's channels, in four groups, moves along the T sampled frames: by the offsets o0, o1, -o0 and
    -o1, each group weighted by w0, w1, w0 and w1. The other channels stay.
    """

    offsets: list[list[float]] = Field(
        description="[B, 2]: o0 and o1, in sampled frames, from -2 to 2; above 0, a frame gets what came before it"
    )
    weights: list[list[list[float]]] = Field(description="[B, T, 2]: w0 and w1 for each sampled frame, from 0 to 2")


class ShiftedSampling(BaseModel):
    """What the model makes of frames half a segment later."""

    predictions: list[Action]
    sampled: list[SampledFrame]


class ReversedOrder(BaseModel):
    """What the model makes of the answer's frames, last one first."""

    predictions: list[Action]


class Stability(BaseModel):
    """Whether the answer holds for other frames of the video, and whether it depends on their order.

    `shift` and `reversal` are total variation distances: the share of the probability that moves to other actions.
    """

    is_stable: bool = Field(description="Whether the shifted sampling's likeliest action is the answer's")
    depends_on_order: bool = Field(
        description="Whether reversing the frames changes the likeliest action or moves at least a tenth"
    )
    shift: float = Field(ge=0, le=1, description="From the answer to the shifted sampling")
    reversal: float = Field(ge=0, le=1, description="From the answer to the reversed order")
    shifted: ShiftedSampling
    reversed: ReversedOrder


class PredictionResponse(BaseModel):
    """The likeliest actions of one video."""

    predictions: list[Action] = Field(description="Likeliest first; probabilities fall and sum to at most 1")
    model: ModelRef
    clip: Clip
    timing_ms: Timing
    frames: list[FrameImage] | None = Field(default=None, description="With `explain=true`: the sampled frames")
    interlacing: Interlacing | None = Field(default=None, description="With `explain=true`")
    stability: Stability | None = Field(default=None, description="With `stability=true`")


class ModelStatus(BaseModel):
    """One version of the store and whether it is served."""

    name: str
    version: str
    status: str = Field(description="`ready`; `refused`, or `down` with the server that runs it, with a reason")
    reason: str | None = Field(
        default=None,
        description="Why it is refused or down, or, of one that is ready, the files that were to replace it",
    )
    digest: str | None = Field(default=None, description="sha256 of the file that runs")
    artifact: str | None = Field(default=None, description="The file that runs")
    choice: str | None = Field(default=None, description="Why that file, of all those of the version")
    num_frames: int | None = Field(default=None, description="How many frames of a video the model sees")
    labels: list[str] | None = None


class ModelsResponse(BaseModel):
    """Everything in the store."""

    default: str | None = Field(description="The model that answers a request which names none")
    models: list[ModelStatus]
    max_upload_bytes: int = Field(description="The largest body that POST /predict takes")


class Health(BaseModel):
    """A sign of life."""

    status: str


class ProblemMeaning(BaseModel):
    """What a problem's `type` stands for."""

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
