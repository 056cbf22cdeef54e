"""Films over real footage: cut-outs of photographs that move over it, with gaps of the footage alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clips.decoding.decode import decode
from clips.decoding.frames import Image
from clips.transforms import resize
from tests.benchmarks.timelines.films import ACTIONS_PER_FILM, GAP_SECONDS, RATE, KnownFilm, Shot, join_shots
from training.synthetic.out_of_domain import out_of_domain_videos, packaged_footage

WIDTH, HEIGHT = 320, 240


def footage_films(count: int, seed: int) -> Iterator[KnownFilm]:
    """Yield `count` films; raises MissingFootage where the packages with footage and photographs are missing."""
    rng = np.random.default_rng((8_000_000, seed))
    paths = packaged_footage()
    plain = [_frames_of(path.read_bytes())[:250] for path in paths]
    shots = [
        Shot(_frames_of(video.video), video.label)
        for video in out_of_domain_videos(count * ACTIONS_PER_FILM, 8_000_000 + seed, paths)
    ]
    order = rng.permutation(len(shots))
    for index in range(count):
        chosen = [shots[place] for place in order[index * ACTIONS_PER_FILM :][:ACTIONS_PER_FILM]]
        with_gaps = [part for shot in chosen for part in (shot, *_gap(shot, plain, rng))]
        yield join_shots(with_gaps, index)


def _gap(shot: Shot, plain: list[list[Image]], rng: np.random.Generator) -> list[Shot]:
    """Return the shot's last frame, still, or a part of the footage, or nothing."""
    length = round(rng.uniform(*GAP_SECONDS) * RATE)
    match rng.choice(["still", "other", "none"], p=[0.4, 0.4, 0.2]):
        case "still":
            return [Shot([shot.frames[-1]] * length, None)]
        case "other":
            film = plain[rng.integers(len(plain))]
            first = int(rng.integers(0, len(film) - length + 1))
            return [Shot(film[first : first + length], None)]
    return []


def _frames_of(video: bytes) -> list[Image]:
    images = decode(video, range).images
    return [resize(image, width=WIDTH, height=HEIGHT) for image in images]
