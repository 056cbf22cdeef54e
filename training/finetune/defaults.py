"""Defaults of fine-tuning: every number that is not measured or given by the user."""

from __future__ import annotations

from typing import Any

MAX_UNREADABLE_SHARE = 0.1
"""Share of unreadable clips beyond which a run is refused."""

FEW_CLIPS = 5
"""Clips of a class below which a note asks for more."""

VAL_SHARE = 0.2
MINUTES = 15.0

SIDES = (96, 128, 160, 192, 224)
"""Sides of the input to choose from, in pixels."""

SIDE_OF_SHORT_SIDE = 0.6
"""Wanted side, as a share of the median short side of the clips."""

TRAINING_SHARE = 0.8
"""Share of the time limit for training; the rest is for reading, validation, report and export."""

CLIPS_SEEN = 4000
"""Clips that a run sees in all its epochs, repetitions included, within MIN_EPOCHS and MAX_EPOCHS."""

MIN_EPOCHS, MAX_EPOCHS = 12, 60

BATCH_SIZE = 8

SMALL_SET = 2000
"""Clips up to which batch normalisation keeps the statistics that it starts with."""

SHORT_SIDE_PER_CROP = 8 / 7
"""Short side to which frames are scaled before a crop, over the crop's side."""

CROPS: dict[str, Any] = {"scales": [1, 0.875, 0.75], "fixed_offsets": 13}

FLIP_IF_MIRROR = 0.5
"""Probability of a horizontal flip with `--mirror`."""

OPTIM: dict[str, Any] = {
    "kind": "sgd",
    "lr": 0.01,
    "momentum": 0.9,
    "weight_decay": 0.0005,
    "fc_lr5": True,
    "clip_grad_norm": 20,
    "total_batch": BATCH_SIZE,
}

SCHEDULE: dict[str, Any] = {"kind": "cosine", "by": "step", "floor": 0.01, "warmup_epochs": 1}

VALIDATIONS = 15
"""Validations of a run, spread over its epochs."""

RUN: dict[str, Any] = {"patience": 8, "label_smoothing": 0.1, "ema_decay": 0.99}
"""Further keys of the recipe."""

MODEL: dict[str, Any] = {"dropout": 0.3}
"""Further keys of the recipe's model."""
