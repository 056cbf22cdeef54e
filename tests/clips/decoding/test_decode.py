"""Chosen frames of real videos: equal to those of a plain PyAV loop, with their times, and upright."""

import io

import av
import numpy as np
import pytest

from clips.decoding.decode import decode
from clips.sampling import evaluation_indices
from tests.helpers.videos.moving_square import moving_square
from training.synthetic.video_encoder import ENCODINGS, Encoding, encode_video

B_FRAMES = Encoding("avi", "mpeg4", {"bf": "2", "g": "12"})
OTHERS = (
    B_FRAMES,
    Encoding("matroska", "libx265", {"preset": "ultrafast", "x265-params": "log-level=none"}),
    Encoding("mpegts", "libx264", {"preset": "ultrafast"}),
    Encoding("flv", "flv"),
    Encoding("asf", "wmv2"),
    Encoding("webm", "libvpx", {"deadline": "realtime"}),
)


def every_frame(num_frames):
    return range(num_frames)


def sampled(num_frames):
    return evaluation_indices(num_frames, 8)


def first_frame(num_frames):
    return [0]


def plain_loop(data):
    """Every frame of a video, by a plain PyAV loop."""
    with av.open(io.BytesIO(data), "r") as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    "encoding", [*ENCODINGS, *OTHERS], ids=lambda encoding: f"{encoding.encoder}-{encoding.container}"
)
def test_every_frame_is_that_of_a_plain_decode(encoding):
    data = encode_video(moving_square(30), encoding, 25)
    clip = decode(data, every_frame)
    expected = plain_loop(data)
    assert clip.video.frames == len(expected) == 30
    assert (clip.video.width, clip.video.height) == (96, 64)
    for image, reference in zip(clip.images, expected, strict=True):
        np.testing.assert_array_equal(image, reference)


@pytest.mark.parametrize("num_frames", [1, 2, 7, 8, 9, 40])
def test_short_and_long_clips_give_eight_frames_with_their_times(num_frames):
    clip = decode(encode_video(moving_square(num_frames), ENCODINGS[0], 25), sampled)
    assert clip.indices == tuple(evaluation_indices(num_frames, 8))
    np.testing.assert_allclose(clip.times, np.array(clip.indices) / 25, atol=1e-6)
    assert clip.video.duration_seconds == pytest.approx(num_frames / 25, abs=0.01)


def test_a_path_and_its_bytes_give_the_same(make_video):
    path = make_video(20)
    by_path, by_bytes = decode(path, sampled), decode(path.read_bytes(), sampled)
    assert by_path.indices == by_bytes.indices
    assert all(np.array_equal(a, b) for a, b in zip(by_path.images, by_bytes.images, strict=True))


def test_rotation_metadata_is_applied(make_video):
    data = bytearray(make_video(8).read_bytes())
    track = data.index(b"tkhd")
    matrix = track + 4 + 40
    quarter_turn = (0, 0x10000, 0, -0x10000, 0, 0, 64 << 16, 0, 0x40000000)
    data[matrix : matrix + 36] = b"".join(number.to_bytes(4, "big", signed=True) for number in quarter_turn)
    upright, turned = decode(make_video(8), first_frame), decode(bytes(data), first_frame)
    assert (turned.video.width, turned.video.height) == (64, 96)
    np.testing.assert_array_equal(turned.images[0], np.rot90(upright.images[0], -1))
