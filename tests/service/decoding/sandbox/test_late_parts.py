"""Whatever the first video of a worker is, its decoding loads nothing late."""

from __future__ import annotations

from contextlib import closing

import cv2
import pytest

from clips.clip_spec import ClipSpec
from clips.decoding.limits import DecodeLimits
from clips.model_input import TimelineEnd
from clips.windows import Windowing
from service.decoding.job import DecodeJob
from service.decoding.process import Decoder
from tests.helpers.videos.alterations import rename_programme
from tests.helpers.videos.clip_recipes import CLIPS, recipe_named
from tests.helpers.videos.make_clip import make_clip
from tests.helpers.videos.moving_square import moving_square

SPEC = ClipSpec(crop=32, short_side=32)
MEMORY = 1 << 30


@pytest.mark.parametrize("recipe", CLIPS, ids=lambda recipe: recipe.name)
def test_every_kind_of_video_is_decoded_by_a_new_worker(recipe):
    job = DecodeJob(make_clip(recipe), SPEC, DecodeLimits(), thumbnails=True, shifted=True)
    with closing(Decoder(MEMORY)) as decoder:
        assert decoder.preprocess(job).video.frames == recipe.frames - recipe.drop_first
        assert isinstance(list(decoder.windows(job, Windowing(0.5, 0.25, 100)))[-1], TimelineEnd)


def test_a_folder_of_frames_is_decoded_by_a_new_worker(tmp_path):
    for number, frame in enumerate(moving_square(12)):
        cv2.imwrite(str(tmp_path / f"{number}.jpg"), frame)
    with closing(Decoder(MEMORY)) as decoder:
        assert decoder.preprocess(DecodeJob(tmp_path, SPEC, DecodeLimits())).video.frames == 12


@pytest.mark.parametrize("name", [b"\x05ervice01", b"\x10\x00\x03vice01", b"\x11ervice01", b"\x13ervice01"])
def test_names_of_programmes_in_any_character_set_are_read(name):
    """The first bytes choose it, as EN 300 468 says: ISO 8859-9, ISO 8859-3, UCS-2 and GB 2312."""
    video = rename_programme(make_clip(recipe_named("x264-ts")), name)
    with closing(Decoder(MEMORY)) as decoder:
        assert decoder.preprocess(DecodeJob(video, SPEC, DecodeLimits())).video.frames == 40
