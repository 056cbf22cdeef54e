"""Parts of the GPU benchmark of training, run on the CPU with small networks."""

import json

import pytest
import torch

from tests.benchmarks import bench_train_gpu
from tests.benchmarks.bench_train_gpu import (
    DEMO_OVERRIDES,
    FORMS,
    ORDERS,
    Setting,
    interlace_times,
    run_demo,
    step_forms,
    summary,
    train_steps,
    videos_per_second,
    write_results,
)
from training.model.tin import Architecture
from training.recipes.recipe import load_recipe

CPU = torch.device("cpu")
SMALL = Setting(Architecture(num_classes=3, depth=18, width=0.25, num_frames=2), 32, CPU)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(bench_train_gpu, "ROUNDS", 2)
    monkeypatch.setattr(bench_train_gpu, "CALLS", 1)


@pytest.mark.parametrize("order", ORDERS)
def test_both_forms_are_timed(order):
    row = interlace_times((16, 3, 3), order, CPU, num_videos=2, num_frames=3)
    assert row["shape"] == (6, 16, 3, 3)
    assert row["plain_over_fused"] == pytest.approx(row["plain_ms"] / row["fused_ms"])


def test_steps_learn_with_every_form():
    assert len(step_forms()) == len(FORMS) * len(ORDERS)
    for form in step_forms().values():
        losses = train_steps(SMALL, *form, num_videos=3, num_steps=6)
        assert losses[-1] < losses[0]


def test_steps_use_the_form_that_they_are_given():
    def refuse(*_, **__):
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        train_steps(SMALL, refuse, torch.contiguous_format)


def test_videos_are_counted_by_the_second(monkeypatch):
    monkeypatch.setattr(bench_train_gpu, "in_turns", lambda work, _: {name: 0.25 + bool(work[name]()) for name in work})
    assert videos_per_second(SMALL) == 4


def test_the_demo_is_the_recipe_at_the_published_size():
    recipe = load_recipe("tin_motion", list(DEMO_OVERRIDES))
    assert (recipe.model.depth, recipe.model.width, recipe.clip.crop, recipe.data.batch_size) == (50, 1.0, 224, 6)


def test_the_demo_s_log_is_summed_up(tmp_path):
    tiny = ("data.batch_size=2", "data.steps_per_epoch=2", "data.validation_clips=1")
    short = ("epochs=1", "data.lessons=[{from_epoch: 0, side: 32, difficulty: 0.0}]")
    demo = run_demo((*tiny, *short), seconds=300)
    assert demo["steps"] == 2
    assert 0 < demo["first_loss"] < 10

    facts = {
        "interlace": [{"plain_over_fused": 2.0}, {"plain_over_fused": 3.5}],
        "step_megabytes": {"fused": 5300.4, "plain": 5600.0},
        "published_megabytes": 6187,
        "videos_per_second": 123.45,
        "demo": demo,
    }
    lines = summary(facts)
    assert "2.00 to 3.50" in lines[0]
    assert "fused 5300 MB, plain 5600 MB; published 6187" in lines[1]
    assert "2 steps" in lines[3]
    assert json.loads(write_results(facts, tmp_path / "new").read_text())["demo"]["steps"] == 2
