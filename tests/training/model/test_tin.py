import numpy as np
import pytest
import torch

from clips.clip_spec import ClipSpec
from clips.transforms import normalise
from tests.helpers.reference import digest, golden_arrays, normalised_frames, tin_r50_tensors
from tests.helpers.training.foreign_files import from_mmaction2
from training.checkpoints.checkpoint import load_strictly
from training.model.temporal_shift import TemporalShift
from training.model.tin import TIN, Architecture, Normalise, Temporal

GOLDEN = golden_arrays("tin_r50.npz")


@pytest.fixture(scope="module")
def tin_r50():
    model = TIN(Architecture(num_classes=174))
    tensors = {name: torch.from_numpy(tensor) for name, tensor in tin_r50_tensors().items()}
    load_strictly(model, from_mmaction2(tensors))
    return model.eval()


def test_the_input_is_the_references():
    assert digest(normalised_frames(2)) == "571ebab5c84ba08e7346383f224f6eda1df4891c6930f357bb135ab517978f8d"


@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 5e-6), ("float64", 1e-12)])
def test_logits_equal_mmaction2s(tin_r50, dtype, tolerance):
    frames = torch.from_numpy(normalised_frames(2)).to(getattr(torch, dtype))
    model = tin_r50.to(frames.dtype)
    with torch.inference_mode():
        logits = model(frames)
    np.testing.assert_allclose(logits, GOLDEN[f"logits_{dtype}"], rtol=0, atol=tolerance)


@pytest.mark.parametrize("depth", [18, 34, 50, 101])
def test_every_block_is_interlaced_at_every_depth(depth):
    model = TIN(Architecture(num_classes=5, depth=depth, width=0.25))
    num_blocks = {18: 8, 34: 16, 50: 16, 101: 33}[depth]
    assert len(model.interlaces) == len(list(model.blocks)) == num_blocks
    assert model.eval()(torch.rand(2, 8, 3, 64, 64)).shape == (2, 5)


def test_without_interlacing_the_order_of_frames_is_nothing_to_it():
    torch.manual_seed(0)
    model = TIN(Architecture(num_classes=5, depth=18, width=0.25, temporal=Temporal.NONE)).eval()
    torch.nn.init.normal_(model.head.weight)
    frames = torch.rand(1, 8, 3, 64, 64)
    assert torch.allclose(model(frames), model(frames.flip(1)), atol=1e-6)


@pytest.mark.parametrize(("depth", "num_shifts"), [(18, 8), (34, 16), (50, 16), (101, 18)])
def test_tsm_shifts_in_the_published_blocks(depth, num_shifts):
    model = TIN(Architecture(num_classes=5, depth=depth, width=0.25, temporal=Temporal.TSM)).eval()
    assert sum(isinstance(block.interlace, TemporalShift) for block in model.blocks) == num_shifts
    assert model.interlaces == []
    assert model(torch.rand(2, 8, 3, 64, 64)).shape == (2, 5)


def test_a_shift_shows_only_at_the_ends_of_a_still_clip():
    torch.manual_seed(0)
    shifted = TIN(Architecture(num_classes=5, depth=18, width=0.25, temporal=Temporal.TSM)).eval()
    plain = TIN(Architecture(num_classes=5, depth=18, width=0.25, temporal=Temporal.NONE)).eval()
    plain.load_state_dict(shifted.state_dict())
    still = torch.rand(1, 16, 8, 8).expand(8, -1, -1, -1)
    seen, alone = next(shifted.blocks)(still), next(plain.blocks)(still)
    assert torch.equal(seen[1:-1], alone[1:-1])
    assert not torch.allclose(seen[0], alone[0])
    assert not torch.allclose(seen[-1], alone[-1])


def test_normalise_equals_the_reference_of_clips():
    views = np.random.default_rng(0).integers(0, 256, (1, 8, 16, 16, 3), np.uint8)
    ours = Normalise(ClipSpec())(torch.from_numpy(views))
    np.testing.assert_allclose(ours, normalise(views, ClipSpec()), atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "named"),
    [({"depth": 20}, "depth"), ({"width": 0.3}, "width 0.3"), ({"num_classes": 0}, "num_classes")],
)
def test_what_cannot_be_built_is_refused(fields, named):
    with pytest.raises(ValueError, match=named):
        Architecture(**{"num_classes": 5, **fields})
