import cv2
import numpy as np

from clips.bounds import Bounds
from clips.spec import ClipSpec, View
from service.preprocess import THUMBNAIL_SHORT_SIDE, preprocess

SPEC = ClipSpec(crop=32, short_side=32, view=View.THREE)


def test_a_video_becomes_views_and_what_the_answer_tells(videos):
    clip = preprocess(videos["mp4"], SPEC, Bounds())
    assert clip.views.shape == (3, 8, 32, 32, 3)
    assert clip.views.dtype == np.uint8
    assert clip.indices == tuple(range(2, 40, 5))
    assert (clip.video.width, clip.video.height, clip.thumbnails) == (64, 48, ())
    assert clip.decode_seconds > 0
    assert clip.transform_seconds > 0


def test_thumbnails_are_small_and_one_a_frame(videos):
    jpegs = preprocess(videos["large.mp4"], SPEC, Bounds(), thumbnails=True).thumbnails
    assert len(jpegs) == 8
    assert len(set(jpegs)) == 2
    picture = cv2.imdecode(np.frombuffer(jpegs[0], np.uint8), cv2.IMREAD_COLOR_RGB)
    assert picture is not None
    assert min(picture.shape[:2]) == THUMBNAIL_SHORT_SIDE
