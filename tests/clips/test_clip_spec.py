"""The fields of a ClipSpec: validation and JSON."""

import json

import pytest

from clips.clip_spec import ClipSpec, View


def test_travels_through_json_unchanged():
    spec = ClipSpec(num_frames=16, crop=112, short_side=128, view=View.THREE)
    assert ClipSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec


def test_three_crops_are_three_views():
    assert [ClipSpec(view=view).num_views for view in View] == [1, 3, 1]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"num_frames": 0}, "num_frames"),
        ({"crop": 300}, "crop"),
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
