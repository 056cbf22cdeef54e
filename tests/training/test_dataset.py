from itertools import islice

import numpy as np
import pytest

from clips.bounds import Bounds
from clips.spec import ClipSpec, View
from service.backends.base import FakeBackend
from service.predictor import predict
from service.registry import LoadedModel
from training.dataset import NO_LABEL, SyntheticClips, VideoFiles, load_batches, seen_otherwise

SPEC = ClipSpec(crop=48, view=View.SQUEEZE)


class Recorder(FakeBackend):
    """Keeps the clips that the gateway hands it."""

    def infer(self, clips):
        self.seen = clips
        return super().infer(clips)


@pytest.mark.parametrize("view", list(View))
@pytest.mark.parametrize("num_frames", [3, 30])
def test_no_skew_evaluation_sees_what_the_gateway_sees(make_video, view, num_frames):
    spec = ClipSpec(crop=48, short_side=64, view=view)
    path = make_video(num_frames)
    item, label = VideoFiles([(path, 2)], spec)[0]
    backend = Recorder(num_classes=3)
    model = LoadedModel("m", "1", "0" * 64, "model.onnx", "runs everywhere", ("a", "b", "c"), spec, backend)
    predict(path.read_bytes(), model, 3, Bounds())
    assert label == 2
    assert item.dtype == np.uint8
    np.testing.assert_array_equal(item, backend.seen)


def test_batches_are_the_same_for_the_same_seed():
    def first_batch(seed):
        dataset = SyntheticClips(SPEC, difficulty=1.0, seed=(seed,))
        return next(load_batches(dataset, batch_size=4, workers=0))

    clips, labels = first_batch(1)
    assert clips.shape == (4, 8, 48, 48, 3)
    assert labels.shape == (4,)
    assert clips.equal(first_batch(1)[0])
    assert not clips.equal(first_batch(2)[0])


def test_shuffled_clips_have_no_label():
    dataset = SyntheticClips(SPEC, difficulty=0.0, seed=(0,), shuffled_share=0.5)
    labels = [label for _, label in islice(dataset, 40)]
    assert 8 < labels.count(NO_LABEL) < 32


@pytest.mark.parametrize("label", range(16))
def test_mirrors_and_time_change_the_label_as_they_change_the_picture(label):
    """A dot that moves right and up and gets brighter tells what was done to the clip."""
    clip = np.zeros((4, 4, 4, 1), np.uint8)
    for t in range(4):
        clip[t, 3 - t, t] = t + 1
    rng = np.random.default_rng(label)
    for _ in range(20):
        other, new_label = seen_otherwise((clip, label), rng)
        reversed_, flipped_x, flipped_y = _what_was_done(other)
        changes_of_pair = {
            0: (reversed_, flipped_x),
            1: (reversed_, flipped_y),
            3: (reversed_, flipped_x, flipped_y),
            7: (reversed_, flipped_x),
        }
        changes = changes_of_pair.get(label // 2, (reversed_,))
        assert new_label == label ^ (sum(changes) % 2)


def _what_was_done(clip):
    first, last = (np.argwhere(frame)[0] for frame in (clip[0], clip[-1]))
    reversed_ = clip[0].max() > clip[-1].max()
    goes_right, goes_up = last[1] > first[1], last[0] < first[0]
    return reversed_, goes_right == reversed_, goes_up == reversed_
