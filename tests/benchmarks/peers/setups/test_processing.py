"""The peers' network sees what ours sees."""

from dataclasses import asdict

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from clips.sampling import evaluation_indices
from clips.transforms import crop_frames
from tests.benchmarks.peers.setups.processing import answer, middle_frames, prepare


@pytest.mark.parametrize("num_frames", [5, 8, 250, 301])
def test_frames_are_ours(num_frames):
    assert middle_frames(num_frames, 8) == evaluation_indices(num_frames, 8)


@pytest.mark.parametrize("spec", [ClipSpec(), ClipSpec(crop=96, view=View.SQUEEZE)])
@pytest.mark.parametrize("size", [(256, 340), (720, 1280), (641, 359)])
def test_pixels_are_ours(spec, size):
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    assert np.array_equal(prepare(frame, asdict(spec)), crop_frames([frame], spec)[0, 0])


def test_an_answer_is_the_five_likeliest():
    found = answer(np.log(np.array([0.1, 0.4, 0.05, 0.2, 0.15, 0.1], np.float32)), list("abcdef"))["predictions"]
    assert [each["label"] for each in found[:3]] == ["b", "d", "e"]
    assert len(found) == 5
    assert found[0]["probability"] == pytest.approx(0.4)
