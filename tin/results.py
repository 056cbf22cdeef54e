"""Results of the Python API: predictions and timelines, which print as tables."""

from __future__ import annotations

from dataclasses import dataclass

from clips.scores import Score
from clips.video_info import VideoInfo


@dataclass(frozen=True)
class ModelRef:
    """The model that answered. `digest` is the sha256 of the artifact that ran, as "sha256:<hexadecimal>"."""

    name: str
    version: str
    digest: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Clip:
    """The frames that the model saw: `indices` into the video, in order of display, one clip after the other.

    `times` are in seconds from the video's first frame, and `video` is what the file holds. For frames that were given
    as an array, `times` is empty and `video` is None.
    """

    indices: tuple[int, ...]
    times: tuple[float, ...]
    video: VideoInfo | None


@dataclass(frozen=True)
class Prediction:
    """The most probable actions of a clip, the most probable first.

    `likely` is False when the first is below the model's threshold, so that most likely the clip shows none of the
    actions that the model knows. It is None for a model without a threshold.
    """

    predictions: tuple[Score, ...]
    model: ModelRef
    clip: Clip
    likely: bool | None = None

    def __str__(self) -> str:
        lines = [f"{score.rank:>3}  {score.probability:6.1%}  {score.label}" for score in self.predictions]
        return "\n".join([*_doubt(self.likely), *lines])


@dataclass(frozen=True)
class TimelineWindow:
    """A window of a video, in seconds from its first frame, and its most probable actions.

    `likely` is that of a `Prediction`.
    """

    start_seconds: float
    end_seconds: float
    predictions: tuple[Score, ...]
    likely: bool | None = None


@dataclass(frozen=True)
class TimelineSegment:
    """A stretch of a video whose windows have the same top-1 action; `probability` is their mean.

    `label` and `index` are None where nothing is named: no window reaches `min_probability`.
    `likely` is False when the mean is below the model's threshold; None for a model without one.
    """

    start_seconds: float
    end_seconds: float
    label: str | None
    index: int | None
    probability: float
    num_windows: int
    likely: bool | None = None

    def __str__(self) -> str:
        doubt = " (not likely)" if self.label is not None and self.likely is False else ""
        named = self.label or "nothing named"
        return f"{self.start_seconds:8.1f} to {self.end_seconds:.1f} s  {self.probability:6.1%}  {named}{doubt}"


@dataclass(frozen=True)
class Timeline:
    """The windows of a long video in order of time, and the segments that they form, without gap or overlap."""

    windows: tuple[TimelineWindow, ...]
    segments: tuple[TimelineSegment, ...]
    model: ModelRef

    def __str__(self) -> str:
        return "\n".join(map(str, self.segments))


def _doubt(likely: bool | None) -> list[str]:
    return ["Likely none of the actions this model knows; the nearest:"] if likely is False else []
