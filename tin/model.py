"""A model of the store that predicts in this process."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec
from clips.model_input import ModelInput, Sampling
from clips.part import WHOLE, Part
from clips.preprocess import preprocess, preprocess_frames
from clips.scores import Score, top_scores
from clips.window_preprocess import preprocess_windows
from service.api.schemas.predict import Action
from service.api.schemas.timeline import SegmentsRow, TimelineRow, WindowRow
from service.batch.timelines.rows import timeline_rows
from service.config.settings import Settings
from service.inference.features import check_features, mean_features
from service.inference.prediction import TopK, choose_top_k
from service.inference.timeline_plan import plan_timeline
from service.models.open_model import open_model
from service.models.versions import LoadedModel
from tin.results import Clip, ModelRef, Prediction, Timeline, TimelineSegment, TimelineWindow

Video = str | os.PathLike[str] | bytes
"""A video's path, or the bytes of its file."""

Frames = NDArray[np.uint8]
"""All frames of a clip, uint8 [T, H, W, 3], RGB, upright."""


def load(
    name: str | None = None,
    *,
    version: str | None = None,
    store: str | os.PathLike[str] | None = None,
    backend: str | None = None,
    **settings: Any,
) -> Model:
    """Load a model of the store.

        model = tin.load()
        model = tin.load("mine", store="model_store", version="2", backend="onnx-int8")

    Args:
        name: The model's name; by default TIN_DEFAULT_MODEL, or the first of the store that loads.
        version: Its version; by default the one that the model's policy prefers of those that load.
        store: Folder of the models; by default TIN_MODEL_STORE, or the repository's own.
        backend: Artifact format to run, such as "onnx" or "onnx-int8"; by default TIN_BACKEND, or the best that this
            machine runs.
        settings: Any other setting of docs/settings.md by its field, such as `onnx_threads=1` or `max_frames=100_000`.

    Raises StoreError or RegistryError; pydantic's ValidationError for a setting that is not valid; and UnknownVariable
    for an unknown TIN_ variable of the environment.
    """
    given = settings | {
        key: value for key, value in (("model_store", store), ("backend", backend)) if value is not None
    }
    chosen = Settings(**given)
    return Model(open_model(chosen, name, version), chosen)


class Model:
    """A loaded model. `predict` and `timeline` may be called from several threads.

    Videos are decoded in this process, within the limits of the settings. Use the service for videos of strangers: its
    decoders are processes of their own.

        with tin.load() as model:
            print(model.predict("clip.mp4"))
    """

    def __init__(self, loaded: LoadedModel, settings: Settings) -> None:
        self._loaded = loaded
        self._settings = settings

    @property
    def name(self) -> str:
        """The model's name."""
        return self._loaded.name

    @property
    def version(self) -> str:
        """The model's version."""
        return self._loaded.version

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the model's outputs."""
        return self._loaded.labels

    @property
    def spec(self) -> ClipSpec:
        """The model's input."""
        return self._loaded.spec

    def predict(
        self,
        video: Video | Frames,
        top_k: TopK | None = None,
        *,
        start: float = 0.0,
        end: float | None = None,
    ) -> Prediction:
        """Name the most probable actions of a clip, or of a part of it.

            model.predict("clip.mp4", top_k=3).predictions[0].label
            model.predict("match.mp4", start=61.5, end=64)

        Args:
            video: Path, bytes of a file, or all frames as uint8 [T, H, W, 3], RGB, of which the model's number is
                sampled.
            top_k: Number of actions, 5 by default, or "all"; more than there are classes gives all.
            start: Only frames that begin from then on are seen, in seconds from the first frame.
            end: Only frames that begin before are seen; all by default.

        Raises ClipError, OSError, BackendError, and ValueError for frames of another type or an argument out of range.
        """
        count = choose_top_k(top_k, len(self.labels))
        sampled = self._preprocess(video, Part(start, end))
        logits = self._loaded.backend.infer(sampled.views).logits
        scores = top_scores(self._loaded.probabilities(logits), self.labels, count)
        info = sampled.video if isinstance(sampled, ModelInput) else None
        clip = Clip(sampled.indices, sampled.times, info)
        return Prediction(tuple(scores), self._ref(), clip, self._loaded.is_likely(scores[0].probability))

    def features(self, video: Video | Frames, *, start: float = 0.0, end: float | None = None) -> NDArray[np.float32]:
        """Return what the model's classification head sees of a clip, float32 [D]: the mean over frames and views.

            model.features("clip.mp4") @ model.features("other.mp4")

        Args:
            video: As for `predict`.
            start: As for `predict`.
            end: As for `predict`.

        Raises as `predict`; BackendError also for a model that was exported before there were features.
        """
        check_features(self._loaded)
        views = self._preprocess(video, Part(start, end)).views
        return mean_features(self._loaded.backend.infer(views), self._loaded, len(views))

    def timeline(
        self,
        video: Video,
        window_seconds: float | None = None,
        step_seconds: float | None = None,
        top_k: TopK | None = None,
        *,
        min_probability: float | None = None,
        start: float = 0.0,
        end: float | None = None,
    ) -> Timeline:
        """Name the actions along a long video, in sliding windows.

            print(model.timeline("long.mp4", window_seconds=2.0))

        Args:
            video: Path, or bytes of a file.
            window_seconds: Length of a window; by default the model's own, or 2.
            step_seconds: From one window to the next; by default the model's own, or half a window.
            top_k: Number of actions of each window, 5 by default, or "all".
            min_probability: Least top-1 probability of a window that names its action, 0 to 1; by default the model's
                own: that of its timelines, its threshold, or 0.
            start: As for `predict`; windows begin there.
            end: As for `predict`; windows end there.

        Raises ClipError, OSError, BackendError, and ValueError for an argument out of range.
        """
        count = choose_top_k(top_k, len(self.labels))
        plan = plan_timeline(
            self._loaded,
            self._settings.max_windows,
            window_seconds=window_seconds,
            step_seconds=step_seconds,
            min_probability=min_probability,
            part=Part(start, end),
        )
        settings = self._settings
        limits = settings.timeline_decode_limits() if isinstance(video, bytes) else settings.timeline_file_limits()
        parts = preprocess_windows(_source(video), self.spec, limits, plan.windowing, part=plan.part)
        return self._timeline(timeline_rows(parts, self._loaded, plan, top_k=count, size_bytes=0))

    def close(self) -> None:
        """Free the runtime. The model cannot predict afterwards."""
        self._loaded.backend.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<tin.Model {self.name} {self.version}: {len(self.labels)} classes, {self._loaded.artifact}>"

    def _preprocess(self, video: Video | Frames, part: Part) -> Sampling:
        if not isinstance(video, np.ndarray):
            return preprocess(_source(video), self.spec, self._settings.decode_limits(), part=part)
        if part != WHOLE:
            raise ValueError("an array of frames has no times: slice it instead of giving start or end")
        return preprocess_frames(video, self.spec)

    def _ref(self) -> ModelRef:
        return ModelRef(self.name, self.version, f"sha256:{self._loaded.digest}")

    def _timeline(self, rows: Iterable[TimelineRow]) -> Timeline:
        windows, segments = [], []
        for row in rows:
            if isinstance(row, WindowRow):
                scores = _scores(row.predictions)
                windows.append(TimelineWindow(row.start_seconds, row.end_seconds, scores, row.likely))
            elif isinstance(row, SegmentsRow):
                segments = [TimelineSegment(**segment.model_dump()) for segment in row.segments]
        return Timeline(tuple(windows), tuple(segments), self._ref())


def _source(video: Video) -> bytes | Path:
    return video if isinstance(video, bytes) else Path(video)


def _scores(actions: Iterable[Action]) -> tuple[Score, ...]:
    return tuple(Score(**action.model_dump()) for action in actions)
