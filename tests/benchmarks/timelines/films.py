"""Films with known segments: rendered actions in a row, with gaps of stillness, of other motion, or none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from clips.decoding.frames import Image
from training.synthetic.figures.gestures import GESTURES
from training.synthetic.motions import LABELS
from training.synthetic.scene import Scene
from training.synthetic.studio import Film, Studio
from training.synthetic.video_encoder import ENCODINGS, encode_video

RATE = 25
SIZES = ((224, 128), (176, 132), (128, 128), (132, 176))
ACTIONS_PER_FILM = 8
ACTION_SECONDS = (1.2, 4.0)
GAP_SECONDS = (0.8, 3.0)


@dataclass(frozen=True)
class TrueSegment:
    """A stretch of a film in seconds and what it shows: the label's number, or None for nothing that has a name."""

    start: float
    end: float
    label: int | None


@dataclass(frozen=True)
class KnownFilm:
    """An encoded video, the segments that it shows without gap or overlap, and its frames per second."""

    video: bytes
    segments: tuple[TrueSegment, ...]
    rate: float


@dataclass(frozen=True)
class Shot:
    """Frames with one label, or with none."""

    frames: list[Image]
    label: int | None


def join_shots(shots: list[Shot], encoding: int, rate: int = RATE) -> KnownFilm:
    """Cut shots of one size together; neighbours that show the same are one segment.

    Args:
        shots: In order of time.
        encoding: The place in `ENCODINGS`, taken modulo their number.
        rate: Frames per second.
    """
    segments: list[TrueSegment] = []
    begin = 0
    for shot in shots:
        end = begin + len(shot.frames)
        start = begin / rate
        if segments and segments[-1].label == shot.label:
            start = segments.pop().start
        segments.append(TrueSegment(start, end / rate, shot.label))
        begin = end
    frames = [frame for shot in shots for frame in shot.frames]
    return KnownFilm(encode_video(frames, ENCODINGS[encoding % len(ENCODINGS)], rate), tuple(segments), rate)


def rendered_films(count: int, seed: int) -> Iterator[KnownFilm]:
    """Yield `count` films of rendered actions; equal arguments give equal frames."""
    studio = Studio((7_000_000, seed))
    for index in range(count):
        size = SIZES[index % len(SIZES)]
        labels = studio.rng.choice(len(LABELS), ACTIONS_PER_FILM, replace=False)
        shots = [shot for label in labels for shot in _action_and_gap(studio, int(label), size)]
        yield join_shots([shot for shot in shots if shot.frames], index)


def _action_and_gap(studio: Studio, label: int, size: tuple[int, int]) -> list[Shot]:
    """Return the shots of an action: perhaps still before, the action, perhaps still after, perhaps other motion."""
    film = _of_size(studio.draw(label, difficulty=0.8), size)
    assert isinstance(film.scene, Scene)
    timing = film.scene.timing
    begin, end = (1 - timing.end, 1 - timing.start) if timing.backwards else (timing.start, timing.end)
    moments = (np.arange(_frames(studio, ACTION_SECONDS)) + 0.5) * (end - begin)
    moving = begin + moments / len(moments)
    gap = studio.rng.choice(["still", "other", "none"], p=[0.4, 0.4, 0.2])
    before, after = (_frames(studio, GAP_SECONDS) // 2 if gap == "still" else 0 for _ in range(2))
    frames = list(film.frames(np.concatenate([np.full(before, begin), moving, np.full(after, end)]), studio.noise))
    cuts = (before, before + len(moving))
    shots = [Shot(frames[: cuts[0]], None), Shot(frames[cuts[0] : cuts[1]], label), Shot(frames[cuts[1] :], None)]
    return [*shots, _other_motion(studio, size)] if gap == "other" else shots


def _other_motion(studio: Studio, size: tuple[int, int]) -> Shot:
    """Return a shot of figures that make a gesture: motion that no label names."""
    film = _of_size(studio.draw_gesture(int(studio.rng.integers(len(GESTURES)))), size)
    count = _frames(studio, GAP_SECONDS)
    return Shot(list(film.frames((np.arange(count) + 0.5) / count, studio.noise)), None)


def _of_size(film: Film, size: tuple[int, int]) -> Film:
    width, height = size
    return replace(film, width=width, height=height)


def _frames(studio: Studio, seconds: tuple[float, float]) -> int:
    return round(studio.rng.uniform(*seconds) * RATE)
