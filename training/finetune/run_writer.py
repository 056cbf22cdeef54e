"""Writer of fine-tuning runs: the lists, the recipe and the settings of each, in a folder of its own."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from training.finetune.budget import Budget, typical_seconds
from training.finetune.recipe_writer import recipe_of, recipe_of_fold, write_recipe
from training.finetune.run import RECIPE_FILE, Run, RunSettings, save_settings, save_videos
from training.finetune.wishes import Wishes
from training.lists.checked_clips import UsableClips
from training.lists.make_lists import write_splits, write_unreadable
from training.lists.splits import Split
from training.zoo.start import Start


@dataclass(frozen=True)
class RunWriter:
    """Writes runs that share their clips, the weights to begin with, and the wishes of the user."""

    usable: UsableClips
    start: Start
    wishes: Wishes

    def write(self, split: Split, budget: Budget, folder: Path, *, mirror: bool, is_fold: bool = False) -> Run:
        """Write a run.

        Args:
            split: The clips to train with and those to validate.
            budget: Side and epochs.
            folder: The folder of the run.
            mirror: Mirror clips at random.
            is_fold: Measure at the end only.

        Raises OSError.
        """
        folder = folder.resolve()
        labels, root = self.usable.clip_set.labels, self.usable.clip_set.root
        write_splits(labels, {".": split}, folder)
        write_unreadable(self.usable.unreadable, folder)
        save_videos([root / clip.path for clip in split.train], folder)
        clip_seconds = typical_seconds(self.usable.videos.values())
        settings = RunSettings(self.wishes.seed, self.wishes.threads, self.start.title, clip_seconds)
        save_settings(settings, folder)
        sizes = {"num_classes": len(labels), "num_clips": len(split.train), "num_validated": len(split.val)}
        recipe = recipe_of(self.wishes.name, self.start, budget, folder, root, mirror=mirror, **sizes)
        recipe = recipe_of_fold(recipe, self.wishes.threads) if is_fold else recipe
        return Run(folder, write_recipe(recipe, folder / RECIPE_FILE, _repeating(folder, settings)), settings)


def _repeating(folder: Path, settings: RunSettings) -> str:
    """Return the command that trains the same weights again."""
    command = ["tin", "train", str(folder / RECIPE_FILE), "--work-dir", "OTHER", "--validate", "--deterministic"]
    return shlex.join([*command, "--seed", str(settings.seed), "--threads", str(settings.threads)])
