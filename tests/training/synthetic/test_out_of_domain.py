import numpy as np

from clips.clip_spec import ClipSpec, View
from training.synthetic.evaluation_sets import make_evaluation_set
from training.synthetic.out_of_domain import FOOTAGE, out_of_domain_videos, packaged_footage
from training.synthetic.video_encoder import ENCODINGS

SPEC = ClipSpec(crop=32, view=View.SQUEEZE)


def test_foreign_clips_are_video_files_of_every_label_and_equal_for_equal_seeds():
    footage = [path for path in packaged_footage() if path.name == "carphone_pristine.mp4"]
    first, second = (list(out_of_domain_videos(16, seed, footage)) for seed in (3, 3))
    assert [clip.label for clip in first] == list(range(16))
    ours, again = make_evaluation_set(first, SPEC), make_evaluation_set(second, SPEC)
    np.testing.assert_array_equal(ours.labels, again.labels)
    assert np.abs(ours.clips.astype(int) - again.clips).mean() < 2, "more differs than x264's choices"


def test_all_footage_is_there():
    assert [path.name for path in packaged_footage()] == list(FOOTAGE)
    assert {encoding.encoder for encoding in ENCODINGS} == {"libx264", "mpeg4", "libvpx-vp9", "mjpeg"}
