"""Transforms, equal to MMAction2's results recorded in golden/."""

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from clips.transforms import crop_frames, make_views, normalise, resize_short_side
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
    crops = crop_frames([image], ClipSpec())
    assert crops.shape == (1, 1, 224, 224, 3)
    assert digest(crops[0, 0]) == GOLDEN[size]["sha256_center"]


def test_three_views_equal_the_reference(size, image):
    crops = crop_frames([image], ClipSpec(crop=256, view=View.THREE))
    assert [digest(crop[0]) for crop in crops] == GOLDEN[size]["sha256_three"]


def test_normalised_values_equal_the_reference(size, image):
    frames = normalise(crop_frames([image], ClipSpec()), ClipSpec())[0, 0]
    assert frames.shape == (3, 224, 224)
    grid = [i * 223 // 7 for i in range(8)]
    sampled = np.moveaxis(frames, 0, -1)[np.ix_(grid, grid)]
    np.testing.assert_allclose(sampled, golden_arrays("normalised.npz")[size], atol=1e-6)
    np.testing.assert_allclose(frames.mean(axis=(1, 2)), GOLDEN[size]["norm_mean"], atol=1e-6)


def test_squeeze_keeps_the_whole_frame():
    image = np.zeros((40, 90, 3), np.uint8)
    image[:, 85:] = 255
    crop = crop_frames([image], ClipSpec(crop=32, view=View.SQUEEZE))[0, 0]
    assert crop.shape == (32, 32, 3)
    assert crop[:, -1].min() == 255
    assert crop[:, 0].max() == 0


@pytest.mark.parametrize(
    ("width", "height", "right", "bottom"),
    [(340, 256, 116, 32), (341, 256, 116, 32), (343, 256, 116, 32), (256, 455, 32, 228)],
    ids=["no rest", "1 pixel short", "3 pixels short", "upright"],
)
def test_ten_views_are_corners_and_centre_and_their_mirror_images(width, height, right, bottom):
    """Each pixel of the frame holds its own place, so that a crop shows where it was cut."""
    frame = np.zeros((height, width, 3), np.uint8)
    frame[..., 0], frame[..., 1] = np.arange(width) % 256, np.arange(height)[:, None] % 256
    frame[..., 2] = np.arange(width) // 256 + 2 * (np.arange(height)[:, None] // 256)
    crops = crop_frames([frame], ClipSpec(view=View.TEN))[:, 0]
    places = [(0, 0), (right, 0), (0, bottom), (right, bottom), (right // 2, bottom // 2)]
    expected = [frame[top : top + 224, left : left + 224] for left, top in places]
    np.testing.assert_array_equal(crops[::2], expected)
    np.testing.assert_array_equal(crops[1::2], [crop[:, ::-1] for crop in expected])


@pytest.mark.parametrize("view", View)
def test_views_of_two_clips_lie_side_by_side_for_each_crop(view):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 256, (48, 64, 3), np.uint8) for _ in range(6)]
    spec = ClipSpec(num_frames=3, short_side=40, crop=32, view=view, clips=2)
    views = make_views(frames, spec)
    assert views.shape == (spec.num_views, 3, 32, 32, 3)
    np.testing.assert_array_equal(views[::2], make_views(frames[:3], spec))
    np.testing.assert_array_equal(views[1::2], make_views(frames[3:], spec))


def test_part_of_a_clip_makes_no_views():
    with pytest.raises(ValueError, match="reshape"):
        make_views([np.zeros((32, 32, 3), np.uint8)] * 5, ClipSpec(num_frames=3, crop=32, view=View.SQUEEZE))


def test_a_repeated_frame_stays_in_its_place():
    dark, bright = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 200, np.uint8)
    views = make_views([dark, bright, dark], ClipSpec(num_frames=3, crop=32, view=View.SQUEEZE))
    assert views[0, :, 0, 0, 0].tolist() == [0, 200, 0]
