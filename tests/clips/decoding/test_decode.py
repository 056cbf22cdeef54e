"""Chosen frames of real videos: equal to those of a plain PyAV loop, within limits; and files that are no video."""

import io
import subprocess
import sys

import av
import cv2
import numpy as np
import pytest

from clips.decoding.decode import decode
from clips.decoding.errors import ClipError, LimitExceeded, NotAVideo, Undecodable
from clips.decoding.limits import DecodeLimits
from clips.decoding.seek import MAX_HELD_BYTES
from clips.sampling import evaluation_indices
from tests.helpers.paths import REPOSITORY
from tests.helpers.videos.moving_square import moving_square
from training.synthetic.video_encoder import ENCODINGS, Encoding, encode_video

GIF = Encoding("gif", "gif")
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


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        (DecodeLimits(max_bytes=100), "bytes"),
        (DecodeLimits(max_packets=5), "packets"),
        (DecodeLimits(max_pixels_per_frame=96 * 63), "96x64"),
        (DecodeLimits(max_frames=5), "frames"),
        (DecodeLimits(max_cpu_seconds=1e-9), "CPU"),
    ],
)
def test_limits_hold(make_video, limits, named):
    with pytest.raises(LimitExceeded, match=named):
        decode(make_video(20), sampled, limits)


def test_a_header_that_promises_a_giant_frame_costs_nothing():
    giant = b"GIF89a" + (60000).to_bytes(2, "little") * 2 + b"\x80\x00\x00" + bytes(6) + b"\x2c" + bytes(8)
    with pytest.raises(ClipError):
        decode(giant, sampled)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"only words " * 50,
        cv2.imencode(".png", np.zeros((16, 16, 3), np.uint8))[1].tobytes(),
        b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n",
        b"ffconcat version 1.0\nfile '/etc/hostname'\n",
        b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    ],
    ids=["empty", "text", "png", "m3u8", "concat", "sdp"],
)
def test_a_file_that_is_no_video(data):
    with pytest.raises(NotAVideo):
        decode(data, sampled)


def test_a_file_without_a_video_stream():
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(NotAVideo):
        decode(file.getvalue(), sampled)


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}], ids=["index-last", "index-first"])
def test_a_truncated_mp4(options, tmp_path):
    path = tmp_path / "whole.mp4"
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for frame in moving_square(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    whole = path.read_bytes()
    with pytest.raises(Undecodable):
        decode(whole[: len(whole) // 3], sampled)


def test_a_large_file_is_read_twice_rather_than_held(tmp_path):
    path = tmp_path / "large.mov"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=25, options={"qmin": "1", "qmax": "1", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuvj420p"
        noise = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), np.uint8)
        for index in range(36):
            frame = av.VideoFrame.from_ndarray(np.roll(noise, index, axis=1), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert path.stat().st_size > MAX_HELD_BYTES
    done = subprocess.run(
        [sys.executable, "-c", PEAK_MEGABYTES, str(path)], cwd=REPOSITORY, capture_output=True, check=True
    )
    peak, report = done.stdout.decode().split(maxsplit=1)
    assert "minimal" in report
    assert 8 * 1920 * 1080 * 3 / 1e6 < float(peak) < 150
    images = plain_loop(path.read_bytes())
    clip = decode(path, sampled)
    assert all(np.array_equal(clip.images[i], images[index]) for i, index in enumerate(clip.indices))


PEAK_MEGABYTES = """
import sys
from pathlib import Path
from clips.decoding.decode import decode
from clips.decoding.seek import MAX_HELD_BYTES
from clips.sampling import evaluation_indices
def peak(): return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1000
before = peak()
clip = decode(Path(sys.argv[1]), lambda num_frames: evaluation_indices(num_frames, 8))
print(peak() - before, clip.report)
"""
