"""Test that five steps of the published training, in float64, equal those recorded from MMAction2."""

from itertools import repeat

import numpy as np
import pytest
import torch

from tests.helpers.reference import golden_arrays, golden_json, step_frames, tin_r50_tensors
from tests.helpers.training.foreign_files import from_mmaction2
from training.checkpoints.checkpoint import load_strictly
from training.checkpoints.key_mapping import KeyNaming, rename
from training.data.batch import Batch
from training.engine.loops import StepSettings, train_one_epoch
from training.model.interlace_ops import Backward
from training.model.tin import TIN, Architecture
from training.optim.optimizers import make_optimizers
from training.recipes.recipe import load_recipe

SETTING = golden_json("steps.json")
GOLDEN = golden_arrays("steps.npz")
TOLERANCES = {"gentle_adjoint": [1e-11] * 5, "adjoint": [1e-10] * 3 + [1e-7] * 2, "mmcv": [1e-10] * 3 + [1e-7] * 2}


def published_model(backward):
    model = TIN(Architecture(num_classes=174)).double()
    tensors = {name: torch.from_numpy(values) for name, values in tin_r50_tensors().items()}
    load_strictly(model, from_mmaction2(tensors))
    for interlace in model.interlaces:
        interlace.backward_kind = backward
    return model


def batches(size):
    for number, labels in enumerate(SETTING["labels"]):
        yield Batch(torch.from_numpy(step_frames(f"steps/{number}", size)).double(), torch.tensor(labels), ())


@pytest.mark.parametrize("run", TOLERANCES)
def test_five_steps(run):
    setting, tolerances = SETTING["runs"][run], np.array(TOLERANCES[run])
    model = published_model(Backward.MMCV if run == "mmcv" else Backward.ADJOINT)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizers = make_optimizers(model, load_recipe("tin_r50_sthv1", [f"optim.lr={setting['lr']}"]).optim)
    rule = StepSettings(label_smoothing=0, clip_grad_norm=setting["max_norm"], autocast=False, freeze_norm=False)
    identity = torch.nn.Identity()
    steps = list(train_one_epoch(model, identity, batches(setting["size"]), optimizers, repeat(1.0), rule, 0))
    assert np.all(relative([step.loss for step in steps], GOLDEN[f"{run}/loss"]) < tolerances)
    assert np.all(relative([step.gradient_norm for step in steps], GOLDEN[f"{run}/grad_norm"]) < tolerances)
    names = [rename(name, KeyNaming.MMACTION2) for name in SETTING["tensors"]]
    after = model.state_dict()
    moved = [(after[name] - before[name]).norm().item() for name in names]
    np.testing.assert_allclose(moved, GOLDEN[f"{run}/moved_norm"], rtol=tolerances[-1] * 10)
    np.testing.assert_allclose([after[name].sum().item() for name in names], GOLDEN[f"{run}/sum"], atol=1e-6)


def relative(got, wanted):
    return np.abs(np.array(got) / wanted - 1)
