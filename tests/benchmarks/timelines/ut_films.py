"""Films of UT-Interaction: the clips of one recording in a row, with stillness between, and the model of its fold.

`make bench-ut` leaves a checkpoint for each fold, which was trained without the recording that its film shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from clips.decoding.decode import decode
from clips.decoding.frames import Image
from clips.scores import average_views
from clips.transforms import resize
from tests.benchmarks.timelines.films import GAP_SECONDS, KnownFilm, Shot, join_shots
from tests.benchmarks.timelines.predictions import Namer
from training.checkpoints.checkpoint import load_checkpoint
from training.engine.trainer import LAST

RATE = 30
WIDTH, HEIGHT = 320, 200


@dataclass(frozen=True)
class Fold:
    """The folder of a fold of `make bench-ut`, whose clips are listed in val.txt."""

    folder: Path
    data: Path

    @property
    def clips(self) -> list[tuple[Path, int]]:
        """The clips that the fold's model has not seen, and their labels."""
        lines = (self.folder / "val.txt").read_text().splitlines()
        return [(self.data / path, int(label)) for path, label in (line.rsplit(" ", 1) for line in lines)]

    def film(self, seed: int) -> KnownFilm:
        """Cut the fold's clips together, in random order."""
        rng = np.random.default_rng((9_000_000, seed))
        shots: list[Shot] = []
        for place in rng.permutation(len(self.clips)):
            path, label = self.clips[place]
            frames = _frames_of(path)
            shots += [Shot(frames, label), *_gap(frames, rng)]
        return join_shots(shots, seed, RATE)

    def namer(self) -> Namer:
        """Load the fold's model."""
        checkpoint = load_checkpoint(self.folder / LAST)
        model, spec = checkpoint.build_model(), checkpoint.clip
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (spec.mean, spec.std))

        @torch.inference_mode()
        def probabilities(views: NDArray[np.uint8]) -> NDArray[np.float64]:
            frames = (torch.from_numpy(views).permute(0, 1, 4, 2, 3).float() - mean) / std
            return average_views(model(frames).numpy()[:, None], checkpoint.temperature)

        return Namer(checkpoint.labels, spec, probabilities)


def folds_of(runs: Path, name: str, data: Path) -> Sequence[Fold]:
    """Return the folds of a set that are trained, in order."""
    folders = sorted((runs / f"tin-0-{name}").glob("fold-*"), key=lambda folder: int(folder.name.split("-")[1]))
    return [Fold(folder, data) for folder in folders if (folder / LAST).exists()]


def films_of(folds: Sequence[Fold]) -> Iterator[tuple[KnownFilm, Namer]]:
    """Yield the film and the model of each fold."""
    for seed, fold in enumerate(folds):
        yield fold.film(seed), fold.namer()


def _gap(frames: Sequence[Image], rng: np.random.Generator) -> list[Shot]:
    """Return the last frame, still, or nothing; there is no footage of these people doing anything else."""
    length = round(rng.uniform(*GAP_SECONDS) * RATE)
    return [Shot([frames[-1]] * length, None)] if rng.random() < 0.6 else []


def _frames_of(path: Path) -> list[Image]:
    images = decode(path, range).images
    return [resize(image, width=WIDTH, height=HEIGHT) for image in images]
