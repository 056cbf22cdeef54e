"""Parts of the step `training`, run on the CPU with small networks."""

import pytest
import torch

from tests.gpu.steps.training import step_cost
from tests.gpu.steps.training.step_cost import (
    FORMS,
    ORDERS,
    Setting,
    interlace_times,
    step_forms,
    summary,
    train_steps,
    videos_per_second,
)
from training.model.tin import Architecture

CPU = torch.device("cpu")
SMALL = Setting(Architecture(num_classes=3, depth=18, width=0.25, num_frames=2), 32, CPU)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(step_cost, "ROUNDS", 2)
    monkeypatch.setattr(step_cost, "CALLS", 1)


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
    monkeypatch.setattr(step_cost, "in_turns", lambda work, _: {name: 0.25 + bool(work[name]()) for name in work})
    assert videos_per_second(SMALL) == 4


def test_steps_learn_in_bfloat16_too():
    form, order = step_forms()["plain, channels last"]
    losses = train_steps(SMALL, form, order, num_videos=3, num_steps=6, dtype=torch.bfloat16)
    assert losses[-1] < losses[0]


def test_the_summary_tells_goals_met_and_missed():
    lines = summary(
        {
            "fused, channels last, fp32": 5300.4,
            "plain, channels last, fp32": 6300.0,
            "fused, channels last, bf16": 3600,
        },
        [{"plain_over_fused": 2.0}, {"plain_over_fused": 3.5}],
    )
    assert "fp32: 5300 MB (goal 6181: met)" in lines[0]
    assert "bf16: 3600 MB (goal 3500: missed)" in lines[1]
    assert "2.00 to 3.50" in lines[2]
