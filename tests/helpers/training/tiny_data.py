"""A small data set of frame folders with lists and a recipe, and the training commands in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import yaml

from tests.helpers.paths import REPOSITORY

NUM_FRAMES = 10
LABELS = ("right", "left", "still")


def make_frame_data(root: Path, *, train: int = 10, validation: int = 7) -> Path:
    """Write frames/, train.txt, val.txt, labels.txt and a recipe below `root`; return the recipe's path."""
    lines = [f"{_make_folder(root, number)} {NUM_FRAMES} {number % 3}\n" for number in range(train + validation)]
    (root / "train.txt").write_text("".join(lines[:train]))
    (root / "val.txt").write_text("".join(lines[train:]))
    (root / "labels.txt").write_text("\n".join(LABELS))
    recipe = root / "tiny.yaml"
    recipe.write_text(yaml.safe_dump(_recipe(root)))
    return recipe


def _make_folder(root: Path, number: int) -> str:
    """Write frames of a bright square that moves right, left or not at all over noise."""
    rng = np.random.default_rng(number)
    name = f"clip {number:03}"
    folder = root / "frames" / name
    folder.mkdir(parents=True)
    for index in range(NUM_FRAMES):
        frame = rng.integers(0, 90, (40, 52, 3), np.uint8)
        left = (4 + 3 * index, 34 - 3 * index, 20)[number % 3]
        frame[12:24, left : left + 12] = (240, 200, 40)
        cv2.imwrite(str(folder / f"img_{index + 1:05}.jpg"), frame)
    return name


def _recipe(root: Path) -> dict[str, object]:
    return {
        "name": "tiny",
        "clip": {"num_frames": 4, "short_side": 36, "crop": 32, "view": "centre"},
        "model": {"num_classes": 3, "depth": 18, "width": 0.25, "temporal": "tin", "dropout": 0.2},
        "data": {
            "kind": "frames",
            "root": str(root / "frames"),
            "train": str(root / "train.txt"),
            "validation": str(root / "val.txt"),
            "labels": str(root / "labels.txt"),
            "file_name": "img_{:05}.jpg",
            "batch_size": 4,
            "workers": 0,
            "crops": {"scales": [1, 0.875], "fixed_offsets": 5},
            "flip": 0.0,
            "max_unreadable": 1,
        },
        "epochs": 3,
        "validate_every": 1,
        "optim": {
            "kind": "sgd",
            "lr": 0.01,
            "momentum": 0.9,
            "weight_decay": 5e-4,
            "fc_lr5": True,
            "clip_grad_norm": 20,
            "total_batch": 4,
        },
        "schedule": {"kind": "cosine", "by": "step", "warmup_epochs": 1},
    }


def command(module: str, *arguments: object, processes: int = 1) -> list[str]:
    """Return the command line of `python -m training.<module>`, under torchrun for several processes."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc_per_node={processes}"] if processes > 1 else []
    return [sys.executable, *launcher, "-m", f"training.{module}", *map(str, arguments)]


def run(module: str, *arguments: object, processes: int = 1) -> subprocess.CompletedProcess[str]:
    """Run a training command to its end."""
    line = command(module, *arguments, processes=processes)
    return subprocess.run(line, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=240)


def overrides(*settings: str) -> list[str]:
    """Return settings as arguments of `--set`."""
    return [word for setting in settings for word in ("--set", setting)]
