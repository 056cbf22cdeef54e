"""The fields of a ClipSpec: validation and JSON."""

import json

import pytest

from clips.clip_spec import ClipSpec, View


def test_travels_through_json_unchanged():
    spec = ClipSpec(num_frames=16, crop=112, short_side=128, view=View.THREE, clips=2)
    assert ClipSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_views_are_crops_times_clips():
    views = {view: [ClipSpec(view=view, clips=clips).num_views for clips in (1, 2)] for view in View}
    assert views == {View.CENTRE: [1, 2], View.THREE: [3, 6], View.TEN: [10, 20], View.SQUEEZE: [1, 2]}
    assert ClipSpec(num_frames=16, clips=2).num_sampled == 32


def test_views_in_words():
    assert ClipSpec(crop=256, view=View.THREE, clips=2).describe_views() == "2 clips x 3 crops of 256 x 256"
    assert ClipSpec().describe_views() == "1 clip x 1 crop of 224 x 224"


def test_a_spec_that_does_not_say_how_often_it_samples_samples_once():
    fields = ClipSpec().to_json()
    del fields["clips"]
    assert ClipSpec.from_json(fields) == ClipSpec(clips=1)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"num_frames": 0}, "num_frames"),
        ({"crop": 300}, "crop"),
        ({"crop": 300, "view": "ten"}, "crop"),
        ({"clips": 0}, "clips"),
        ({"clips": 3}, "clips"),
        ({"std": (1, 0, 1)}, "std"),
        ({"view": "fisheye"}, "fisheye"),
        ({"short_side": 2.5}, "short_side"),
    ],
)
def test_refuses_what_makes_no_sense(fields, named):
    with pytest.raises(ValueError, match=named):
        ClipSpec(**fields)


def test_refuses_unknown_fields():
    with pytest.raises(TypeError, match="frames_per_clip"):
        ClipSpec.from_json({"frames_per_clip": 8})
