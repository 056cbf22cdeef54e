import subprocess
import sys

import numpy as np
import pytest

from tests.helpers.paths import REPOSITORY
from training.checkpoints.checkpoint import save_checkpoint
from training.motion_report import direction_share


def test_direction_counts_only_answers_of_the_right_pair():
    labels = np.array([0, 1, 2, 3])
    assert direction_share(np.array([0, 0, 2, 8]), labels) == pytest.approx(2 / 3)
    assert direction_share(np.array([9, 9, 9, 9]), labels) == 0


def test_a_checkpoint_of_other_clips_is_one_clear_line(checkpoint, tmp_path):
    path = tmp_path / "other.safetensors"
    save_checkpoint(checkpoint, path)
    command = [sys.executable, "-m", "training.motion_report", "tin_motion", str(path)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {path} ")
    assert done.stderr.count("\n") == 1
