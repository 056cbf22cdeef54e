"""Transforms, equal to MMAction2's results recorded in golden/."""

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from clips.transforms import make_views, normalise, resize_short_side
from tests.helpers.reference import digest, golden_arrays, golden_json, picture

GOLDEN = golden_json("transforms.json")


@pytest.fixture(params=GOLDEN, scope="module")
def size(request):
    return request.param


@pytest.fixture(scope="module")
def image(size):
    width, height = map(int, size.split("x"))
    made = picture(width, height)
    assert digest(made) == GOLDEN[size]["sha256_input"]
    return made


def test_resize_equals_the_reference(size, image):
    assert digest(resize_short_side(image, 256)) == GOLDEN[size]["sha256_resized"]


def test_centre_view_equals_the_reference(size, image):
    views = make_views([image], ClipSpec())
    assert views.shape == (1, 1, 224, 224, 3)
    assert digest(views[0, 0]) == GOLDEN[size]["sha256_center"]


def test_three_views_equal_the_reference(size, image):
    views = make_views([image], ClipSpec(crop=256, view=View.THREE))
    assert [digest(view[0]) for view in views] == GOLDEN[size]["sha256_three"]


def test_normalised_values_equal_the_reference(size, image):
    frames = normalise(make_views([image], ClipSpec()), ClipSpec())[0, 0]
    assert frames.shape == (3, 224, 224)
    grid = [i * 223 // 7 for i in range(8)]
    sampled = np.moveaxis(frames, 0, -1)[np.ix_(grid, grid)]
    np.testing.assert_allclose(sampled, golden_arrays("normalised.npz")[size], atol=1e-6)
    np.testing.assert_allclose(frames.mean(axis=(1, 2)), GOLDEN[size]["norm_mean"], atol=1e-6)


def test_squeeze_keeps_the_whole_frame():
    image = np.zeros((40, 90, 3), np.uint8)
    image[:, 85:] = 255
    view = make_views([image], ClipSpec(crop=32, view=View.SQUEEZE))[0, 0]
    assert view.shape == (32, 32, 3)
    assert view[:, -1].min() == 255
    assert view[:, 0].max() == 0


def test_a_repeated_frame_stays_in_its_place():
    dark, bright = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 200, np.uint8)
    views = make_views([dark, bright, dark], ClipSpec(num_frames=3, crop=32, view=View.SQUEEZE))
    assert views[0, :, 0, 0, 0].tolist() == [0, 200, 0]
