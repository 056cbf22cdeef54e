"""Split network: equality with the plain one, for every temporal module."""

import pytest
import torch

from clips.clip_spec import ClipSpec
from export.graph.split_network import SplitNetwork
from tests.helpers.training.networks import lively
from training.model.tin import Architecture, Normalise, Temporal


@pytest.mark.parametrize("num_frames", [4, 16])
@pytest.mark.parametrize("depth", [18, 50, 101])
@pytest.mark.parametrize("temporal", Temporal)
def test_answers_are_those_of_the_plain_network(temporal, depth, num_frames):
    spec = ClipSpec(crop=32, num_frames=num_frames)
    architecture = Architecture(num_classes=7, depth=depth, width=0.25, num_frames=num_frames, temporal=temporal)
    model = lively(architecture).double()
    clips = torch.randint(0, 256, (2, num_frames, 32, 32, 3), dtype=torch.uint8)
    seen: list[torch.Tensor] = []
    model.dropout.register_forward_hook(lambda module, inputs, pooled: seen.append(pooled))
    with torch.inference_mode():
        expected = model(Normalise(spec).double()(clips))
        outputs = SplitNetwork(model, spec).double()(clips)
    features = seen[0].reshape(2, num_frames, -1).mean(dim=1)
    torch.testing.assert_close(outputs.pop("logits"), expected, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(outputs.pop("features"), features, atol=1e-9, rtol=1e-9)
    if temporal is Temporal.TIN:
        num_blocks = len(list(model.blocks))
        assert outputs.pop("weights").shape == (2, num_blocks, num_frames, 2)
        assert outputs["offsets"].shape == (2, num_blocks, 2)
        assert outputs.pop("offsets").abs().max() > 0.1
    assert outputs == {}
