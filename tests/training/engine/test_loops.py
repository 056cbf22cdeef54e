from dataclasses import replace
from itertools import repeat

import pytest
import torch

from clips.clip_spec import ClipSpec
from training.data.batch import Batch
from training.engine.loops import NonFiniteLoss, StepSettings, evaluate, soft_targets, train_one_epoch, training_loss
from training.model.tin import TIN, Architecture, Normalise
from training.optim.freezing import freeze_stages

SETTINGS = StepSettings(label_smoothing=0.0, clip_grad_norm=5.0, autocast=False, freeze_norm=False)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return TIN(Architecture(num_classes=2, depth=18, width=0.25, num_frames=4))


@pytest.fixture
def batches():
    """Bright clips are of class 1."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(8) % 2
    clips = torch.randint(0, 100, (8, 4, 32, 32, 3), generator=generator) + labels[:, None, None, None, None] * 120
    return [Batch(clips.to(torch.uint8), labels)] * 12


def run(model, batches, settings=SETTINGS, rate=0.02):
    optimizer = torch.optim.SGD([{"params": model.parameters(), "initial_lr": rate}], momentum=0.9)
    return list(train_one_epoch(model, Normalise(ClipSpec()), batches, [optimizer], repeat(0.5), settings, 5))


def test_an_epoch_learns_and_counts_its_steps(model, batches):
    steps = run(model, batches)
    assert [step.number for step in steps] == list(range(5, 17))
    assert steps[-1].loss < steps[0].loss
    assert steps[-1].accuracy == 1


def test_frozen_statistics_stay(model, batches):
    before = model.stem.norm.running_mean.clone()
    run(model, batches[:2], replace(SETTINGS, freeze_norm=True))
    assert torch.equal(model.stem.norm.running_mean, before)


def test_frozen_stages_stay_and_the_others_learn(model, batches):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    freeze_stages(model, 2)
    run(model, batches[:2])
    same = {name for name, tensor in model.state_dict().items() if torch.equal(tensor, before[name])}
    frozen = {name for name in before if name.startswith(("stem.", "stages.0.", "stages.1."))}
    assert frozen <= same
    assert not {name for name in same - frozen if name.endswith("conv.weight") or "running" in name}
    assert "head.weight" not in same


def test_the_loss_of_a_clip_is_weighted_by_its_class():
    logits, labels = torch.randn(4, 3), torch.tensor([0, 2, 2, -1])
    settings = replace(SETTINGS, label_smoothing=0.1)
    each = torch.stack([training_loss(logits[[row]], labels[[row]], settings) for row in range(4)])
    weighted = training_loss(logits, labels, replace(settings, class_weights=torch.tensor([3.0, 9.0, 0.5])))
    torch.testing.assert_close(weighted, (each * torch.tensor([3.0, 0.5, 0.5, 1.0])).mean())
    torch.testing.assert_close(training_loss(logits, labels, settings), each.mean())


def test_a_loss_that_is_not_finite_stops_before_the_weights_change(model, batches):
    torch.nn.init.constant_(model.head.bias, float("nan"))
    before = model.stem.conv.weight.clone()
    with pytest.raises(NonFiniteLoss, match="step 5"):
        run(model, batches)
    assert torch.equal(model.stem.conv.weight, before)


def test_evaluation_gives_the_logits_of_every_view(model, batches):
    views = [Batch(torch.stack([batch.clips, batch.clips.flip(2)], dim=1), batch.labels) for batch in batches[:3]]
    scored = list(evaluate(model, Normalise(ClipSpec()), views))
    assert [logits.shape for logits, _ in scored] == [(8, 2, 2)] * 3
    assert torch.equal(scored[0][1], batches[0].labels)
    alone = model(Normalise(ClipSpec())(batches[0].clips.flip(2)))
    torch.testing.assert_close(scored[1][0][:, 1], alone)


def test_a_clip_without_a_label_teaches_that_all_are_as_likely():
    targets = soft_targets(torch.tensor([1, -1]), 4, smoothing=0.2)
    torch.testing.assert_close(targets, torch.tensor([[0.05, 0.85, 0.05, 0.05], [0.25] * 4]))
