import numpy as np
import torch

from training.model.temporal_shift import TemporalShift, shift


def test_an_eighth_shows_the_next_frame_an_eighth_the_one_before_and_the_rest_its_own():
    frames = torch.arange(1.0, 5).reshape(4, 1, 1, 1).expand(4, 16, 2, 3)
    moved = shift(frames, num_frames=4)
    assert moved.shape == frames.shape
    by_channel = moved[:, :, 1, 2].T.tolist()
    assert by_channel[:2] == [[2, 3, 4, 0]] * 2
    assert by_channel[2:4] == [[0, 1, 2, 3]] * 2
    assert by_channel[4:] == [[1, 2, 3, 4]] * 12


def test_clips_do_not_mix():
    clips = torch.from_numpy(np.random.default_rng(0).normal(size=(2, 8, 16, 3, 3)))
    together = TemporalShift(num_frames=8)(clips.flatten(0, 1))
    assert torch.equal(together, torch.cat([shift(clip, num_frames=8) for clip in clips]))


def test_the_gradient_is_the_adjoint():
    features = torch.rand(8, 8, 1, 1, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: shift(x, num_frames=4), features)
