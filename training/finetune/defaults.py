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

SIDE_OF_SHORT_SIDE = 0.45
"""Wanted side, as a share of the median short side of the clips."""

TRAINING_SHARE = 0.8
"""Share of the time limit for training; the rest is for reading, validation, report and export."""

EPOCHS_TIMES_ROOT = 300
"""Epochs times the square root of the training clips, within MIN_EPOCHS and MAX_EPOCHS: 55 for 30 clips."""

MIN_EPOCHS, MAX_EPOCHS = 16, 60

BATCH_SIZE = 8

SHORT_SIDE_PER_CROP = 8 / 7
"""Short side to which frames are scaled before a crop, over the crop's side."""

CROPS: dict[str, Any] = {"scales": [1, 0.875, 0.75], "fixed_offsets": 13}

FLIP_IF_MIRROR = 0.5
"""Probability of a horizontal flip in training where clips are mirrored."""

MIRRORING_EPOCHS, MIN_MIRRORING_EPOCHS = 0.25, 4
"""Epochs of the run that finds out whether clips may be mirrored, as a share of those of training, and at least."""

MIRRORING_CLIPS = 15
"""Most clips of each class in that run."""

SWAPPED_IF_DIRECTION = 0.45
"""Share of the learned clips of two classes that mirroring turns into the other class, above which none are mirrored.

Measured: 75 to 95 % of left and right, clockwise and counter-clockwise; at most 25 % of any two of UT-Interaction."""

LEARNED_TO_JUDGE = 0.3
"""Share of each class's clips that must be learned for a judgement."""

SHORTEST_EXCERPT = 0.65
"""Smallest share of a clip that training takes its frames from."""

COLOUR_JITTER = 0.3
"""Strength of random changes of brightness, contrast and tint."""

OPTIM: dict[str, Any] = {
    "kind": "muon",
    "muon_lr": 0.02,
    "muon_momentum": 0.95,
    "muon_weight_decay": 0.05,
    "adamw_lr": 0.004,
    "adamw_weight_decay": 0.05,
    "clip_grad_norm": 5,
    "total_batch": BATCH_SIZE,
}

SCHEDULE: dict[str, Any] = {"kind": "cosine", "by": "step", "warmup_epochs": 3}

VALIDATIONS = 15
"""Validations of a run, spread over its epochs."""

PATIENCE = 8
"""Validations without a better one after which a run stops, at its best."""

ENOUGH_TO_CHOOSE = 20
"""Validation clips below which they choose no epoch: the run goes to its end, and its last checkpoint counts."""

RUN: dict[str, Any] = {"label_smoothing": 0.1, "ema_decay": 0.98, "class_weights": "balanced"}
"""Further keys of the recipe."""
