import torch

from training.finetune.step_timer import StepTimer
from training.model.tin import Architecture


def test_a_step_is_measured_by_side():
    timer = StepTimer(Architecture(num_classes=3, depth=18, width=0.25, num_frames=2), torch.device("cpu"))
    assert timer.seconds_per_clip(32) > 0
