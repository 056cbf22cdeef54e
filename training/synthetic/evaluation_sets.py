"""Evaluation sets of video clips, decoded exactly as by the gateway, and their controls with altered frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec
from clips.decoding.decode import decode
from clips.sampling import evaluation_indices
from clips.transforms import make_views
from training.synthetic.motions import LABELS
from training.synthetic.out_of_domain import LabelledVideo
from training.synthetic.studio import Studio
from training.synthetic.video_encoder import ENCODINGS, encode_video

EVALUATION_SEED = 2_000_000
"""Offset of evaluation seeds, far from those of training and validation."""


@dataclass(frozen=True)
class EvaluationSet:
    """Clips uint8 [N, T, H, W, 3], as the gateway passes them to the model, and labels int64 [N]."""

    clips: NDArray[np.uint8]
    labels: NDArray[np.int64]


def rendered_videos(count: int, seed: int) -> Iterator[LabelledVideo]:
    """Yield `count` rendered videos that training never shows, each also backwards, encoded with several codecs."""
    studio = Studio((EVALUATION_SEED, seed))
    for index in range(count // 2):
        label = 2 * (index % (len(LABELS) // 2))
        film = studio.draw(label, short_sides=(120, 256))
        num_frames, rate = int(studio.rng.integers(20, 90)), int(studio.rng.choice([12, 24, 25, 30]))
        moments = (np.arange(num_frames) + 0.5) / num_frames
        for direction, shown in enumerate((film, film.backwards())):
            frames = list(shown.frames(moments, studio.noise))
            yield LabelledVideo(encode_video(frames, ENCODINGS[index % len(ENCODINGS)], rate), label + direction)


def make_evaluation_set(videos: Iterable[LabelledVideo], spec: ClipSpec) -> EvaluationSet:
    """Decode and transform videos exactly as the gateway does."""
    clips, labels = [], []
    for video in videos:
        clip = decode(video.video, lambda num_frames: evaluation_indices(num_frames, spec.num_frames))
        clips.append(make_views(clip.images, spec)[0])
        labels.append(video.label)
    return EvaluationSet(np.stack(clips), np.array(labels))


def shuffle_frames(original: EvaluationSet, seed: int) -> EvaluationSet:
    """Return the same clips with their frames in random order."""
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(original.clips.shape[1]) for _ in original.clips]
    clips = [clip[order] for clip, order in zip(original.clips, orders, strict=True)]
    return EvaluationSet(np.stack(clips), original.labels)


def repeat_middle_frame(original: EvaluationSet) -> EvaluationSet:
    """Return the same clips with every frame replaced by the middle one."""
    num_frames = original.clips.shape[1]
    middle = original.clips[:, num_frames // 2, None]
    return EvaluationSet(np.repeat(middle, num_frames, axis=1), original.labels)
