import torch

from clips.clip_spec import ClipSpec
from training.checkpoints.auxiliary_classes import without_auxiliary_classes
from training.checkpoints.checkpoint import Checkpoint
from training.model.tin import TIN, Architecture


def test_the_head_keeps_the_classes_of_the_labels_and_their_logits():
    torch.manual_seed(0)
    model = TIN(Architecture(num_classes=5, depth=18, width=0.25)).eval()
    whole = Checkpoint(model.architecture, ClipSpec(crop=32), ("a", "b"), model.state_dict())
    kept = without_auxiliary_classes(whole)
    frames = torch.randn(1, 8, 3, 32, 32)
    assert kept.architecture == Architecture(num_classes=2, depth=18, width=0.25)
    torch.testing.assert_close(kept.build_model()(frames), model(frames)[:, :2])
    assert len(whole.tensors["head.weight"]) == 5
