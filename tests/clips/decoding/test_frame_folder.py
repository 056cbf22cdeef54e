"""Folders of frames: which folders are one, and that their frames are decoded as those of a video."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from clips.clip_spec import ClipSpec
from clips.decoding.errors import LimitExceeded, NotAVideo, Undecodable
from clips.decoding.frame_folder import FRAMES_PER_SECOND, decode_frames, find_frames, read_frames
from clips.decoding.limits import DecodeLimits
from clips.preprocess import preprocess
from clips.sampling import evaluation_indices
from clips.transforms import make_views
from tests.helpers.videos.moving_square import moving_square

SPEC = ClipSpec(crop=32, short_side=32)


@pytest.fixture
def frames():
    return moving_square(20)


@pytest.fixture
def folder(tmp_path, frames):
    """Frames 1 to 20 as PNG, which loses nothing, and a file that is no frame."""
    for number, frame in enumerate(frames, start=1):
        cv2.imwrite(str(tmp_path / f"img_{number:05}.png"), frame[..., ::-1])
    (tmp_path / "notes.txt").touch()
    return tmp_path


def test_frames_are_in_the_order_of_their_numbers(tmp_path):
    for number in (8, 9, 10, 11):
        (tmp_path / f"{number}.JPG").touch()
    found = find_frames(tmp_path)
    assert found is not None
    assert found.files == ("8.JPG", "9.JPG", "10.JPG", "11.JPG")


@pytest.mark.parametrize(
    "names",
    [
        [],
        ["1.jpg"],
        ["1.jpg", "3.jpg"],
        ["1.jpg", "01.jpg", "2.jpg"],
        ["1.jpg", "2.png"],
        ["flow_x_1.jpg", "flow_x_2.jpg", "img_1.jpg", "img_2.jpg"],
        ["a.jpg", "b.jpg"],
        ["1.txt", "2.txt"],
    ],
)
def test_other_folders_hold_no_frames(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
    assert find_frames(tmp_path) is None
    with pytest.raises(NotAVideo):
        read_frames(tmp_path, lambda _: [0])


def test_the_wanted_frames_are_decoded_and_described(folder, frames):
    clip = decode_frames(read_frames(folder, lambda num_frames: [num_frames - 1, 0, 0]))
    assert clip.indices == (19, 0, 0)
    assert clip.times == (19 / FRAMES_PER_SECOND, 0, 0)
    for image, index in zip(clip.images, clip.indices, strict=True):
        np.testing.assert_array_equal(image, frames[index])
    assert (clip.video.codec, clip.video.width, clip.video.height, clip.video.frames) == ("png", 96, 64, 20)


def test_a_folder_is_preprocessed_as_its_frames(folder, frames):
    clip = preprocess(folder, SPEC, DecodeLimits(), shifted=True)
    sampled = [frames[index] for index in evaluation_indices(20, SPEC.num_frames)]
    np.testing.assert_array_equal(clip.views, make_views(sampled, SPEC))
    assert clip.shifted is not None
    assert clip.shifted.indices[-1] == 19


def test_a_damaged_frame_is_named(folder):
    (folder / "img_00001.png").write_bytes(b"no image")
    with pytest.raises(Undecodable, match=r"img_00001\.png"):
        decode_frames(read_frames(folder, lambda _: [0]))
    (folder / "img_00001.png").write_bytes(b"")
    with pytest.raises(Undecodable, match=r"img_00001\.png"):
        decode_frames(read_frames(folder, lambda _: [0]))


def test_frames_of_two_sizes_are_refused(folder):
    cv2.imwrite(str(folder / "img_00001.png"), np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(Undecodable):
        decode_frames(read_frames(folder, lambda _: [0, 1]))


@pytest.mark.parametrize(
    "limits",
    [DecodeLimits(max_frames=19), DecodeLimits(max_pixels_per_frame=96 * 64 - 1), DecodeLimits(max_bytes=10)],
)
def test_frames_keep_to_the_limits(folder, limits):
    with pytest.raises(LimitExceeded):
        decode_frames(read_frames(folder, lambda _: [0], limits), limits)
