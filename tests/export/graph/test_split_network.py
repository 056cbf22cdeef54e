"""Split network: equality with the plain one."""

import pytest
import torch

from clips.clip_spec import ClipSpec
from export.graph.split_network import SplitTIN
from tests.helpers.training.networks import lively
from training.model.tin import TIN, Architecture, Normalise, Temporal


@pytest.mark.parametrize("depth", [18, 50])
def test_answers_are_those_of_the_plain_network(depth):
    spec = ClipSpec(crop=64, num_frames=4)
    model = lively(Architecture(num_classes=7, depth=depth, width=0.25, num_frames=4)).double()
    clips = torch.randint(0, 256, (3, 4, 64, 64, 3), dtype=torch.uint8)
    with torch.inference_mode():
        expected = model(Normalise(spec).double()(clips))
        logits, offsets, weights = SplitTIN(model, spec).double()(clips)
    torch.testing.assert_close(logits, expected, atol=1e-9, rtol=1e-9)
    num_blocks = len(list(model.blocks))
    assert offsets.shape == (3, num_blocks, 2)
    assert weights.shape == (3, num_blocks, 4, 2)
    assert offsets.abs().max() > 0.1


def test_a_network_without_interlacing_is_refused():
    model = TIN(Architecture(num_classes=7, depth=18, width=0.25, temporal=Temporal.NONE)).eval()
    with pytest.raises(ValueError, match="interlacing"):
        SplitTIN(model, ClipSpec())
