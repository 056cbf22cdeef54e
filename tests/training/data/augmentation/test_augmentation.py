import itertools

import numpy as np
import pytest

from clips.clip_spec import ClipSpec, View
from clips.transforms import make_views, resize
from tests.helpers.reference import digest, golden_json, picture
from training.data.augmentation.augmentation import Augmentation
from training.data.augmentation.multi_scale_crop import Box, MultiScaleCrop

GOLDEN = golden_json("crops.json")
SCALES = (1, 0.875, 0.75, 0.66)
WIDTH, HEIGHT = 340, 256
RULE = MultiScaleCrop(crop=224, scales=SCALES)


def rule_with(places):
    return MultiScaleCrop(crop=224, scales=SCALES, num_fixed_crops=places)


@pytest.mark.parametrize("short_side", GOLDEN["sides_by_short_side"])
def test_sides_equal_the_reference(short_side):
    sides = GOLDEN["sides_by_short_side"][short_side]
    squares = [width for width, height in RULE.sizes(int(short_side)) if width == height]
    assert squares == sides


def test_sizes_equal_the_reference_in_its_order():
    assert RULE.sizes(HEIGHT) == [tuple(size) for size in GOLDEN["sizes"]]


@pytest.mark.parametrize("places", [5, 13])
def test_places_equal_the_reference_in_its_order(places):
    for size, corners in zip(GOLDEN["sizes"], GOLDEN[f"corners_{places}"], strict=True):
        boxes = rule_with(places).boxes(WIDTH, HEIGHT, tuple(size))
        assert [[box.left, box.top] for box in boxes] == corners
        assert {(box.width, box.height) for box in boxes} == {tuple(size)}


@pytest.mark.parametrize("crop", GOLDEN["resized"], ids=lambda crop: "x".join(map(str, crop["wh"])))
def test_a_resized_crop_equals_the_reference(crop):
    left, top, right, bottom = crop["box"]
    cut = Box(left, top, right - left, bottom - top).cut(picture(WIDTH, HEIGHT))
    assert digest(resize(cut, width=224, height=224)) == crop["sha256_224"]


@pytest.mark.parametrize("places", [5, 13])
def test_every_size_and_place_is_as_likely(places):
    rule, rng = rule_with(places), np.random.default_rng(0)
    drawn = [rule.draw(WIDTH, HEIGHT, rng) for _ in range(10_000)]
    for size in GOLDEN["sizes"]:
        of_size = [box for box in drawn if [box.width, box.height] == size]
        assert 900 < len(of_size) < 1100
        at = {place: of_size.count(place) for place in rule.boxes(WIDTH, HEIGHT, tuple(size))}
        doubles = [rule.boxes(WIDTH, HEIGHT, tuple(size)).count(place) for place in at]
        expected = [len(of_size) * count / places for count in doubles]
        np.testing.assert_allclose(list(at.values()), expected, rtol=0.5)


def test_a_side_near_the_networks_snaps_to_it_but_never_past_the_picture():
    assert [RULE.sizes(side)[0] for side in (222, 224, 226, 227)] == [(222, 222), (224, 224), (224, 224), (227, 227)]


@pytest.mark.parametrize("wrong", [{"num_fixed_crops": 7}, {"scales": ()}, {"scales": (1, 1.2)}])
def test_a_rule_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MultiScaleCrop(**{"crop": 224, "scales": SCALES, **wrong})


def test_all_frames_of_a_clip_are_seen_alike_and_as_the_reference_sees_them():
    augmentation = Augmentation(short_side=256, crop=RULE, flip=0.0)
    in_the_centre = {crop["sha256_224"] for crop in GOLDEN["resized"]}
    rng, seen = np.random.default_rng(0), set()
    for _ in range(60):
        clip = augmentation.apply([picture(WIDTH, HEIGHT)] * 3, rng)
        assert clip.shape == (3, 224, 224, 3)
        assert clip.dtype == np.uint8
        digests = {digest(frame) for frame in clip}
        assert len(digests) == 1
        seen |= digests
    assert len(seen & in_the_centre) > 5


def test_the_short_side_comes_first():
    augmentation = Augmentation(short_side=64, crop=MultiScaleCrop(crop=64, scales=(1,)), flip=0.0)
    upright = picture(64, 128)
    large = picture(128, 256)
    rng = np.random.default_rng(0)
    places = {augmentation.apply([upright], rng).tobytes() for _ in range(40)}
    assert places == {upright[top : top + 64].tobytes() for top in (0, 32, 64)}
    assert augmentation.apply([large], rng).shape == (1, 64, 64, 3)


def test_a_squeezed_picture_is_cropped_as_a_square():
    crop = MultiScaleCrop(crop=32, scales=(1,))
    augmentation = Augmentation(short_side=32, crop=crop, flip=0.0, squeeze=True)
    wide = picture(128, 64)
    (made,) = augmentation.apply([wide], np.random.default_rng(0))
    assert np.array_equal(made, make_views([wide], ClipSpec(num_frames=1, crop=32, view=View.SQUEEZE))[0, 0])


@pytest.mark.parametrize(("flip", "mirrored"), [(0.0, 0), (1.0, 40)])
def test_flip_is_for_the_whole_clip(flip, mirrored):
    frames = [picture(48, 48), picture(48, 48)[::-1]]
    assert _count_mirrored(frames, flip) == mirrored


def test_half_of_the_clips_are_mirrored():
    assert 60 < _count_mirrored([picture(48, 48)], 0.5, clips=200) < 140


def _count_mirrored(frames, flip, clips=40):
    augmentation = Augmentation(short_side=48, crop=MultiScaleCrop(crop=48, scales=(1,)), flip=flip)
    rng = np.random.default_rng(3)
    made = [augmentation.apply(frames, rng) for _ in range(clips)]
    straight, flipped = np.stack(frames), np.stack(frames)[:, :, ::-1]
    assert all(np.array_equal(clip, straight) or np.array_equal(clip, flipped) for clip in made)
    return sum(np.array_equal(clip, flipped) for clip in made)


def test_equal_generators_give_equal_clips():
    augmentation = Augmentation(short_side=256, crop=rule_with(13), flip=0.5)
    made = [augmentation.apply([picture(WIDTH, HEIGHT)], np.random.default_rng(seed)) for seed in (1, 1, 2, 3)]
    assert np.array_equal(made[0], made[1])
    assert any(not np.array_equal(first, second) for first, second in itertools.pairwise(made[1:]))
