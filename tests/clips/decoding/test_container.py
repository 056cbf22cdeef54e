"""Opening files: limits, files that are no video, and truncated ones."""

import io
import os
from concurrent.futures import ThreadPoolExecutor

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clips.decoding.container import ReadAhead
from clips.decoding.decode import decode
from clips.decoding.errors import ClipError, Encrypted, LimitExceeded, NotAVideo, Undecodable
from clips.decoding.limits import DecodeLimits
from clips.decoding.stream import open_stream
from clips.sampling import evaluation_indices
from tests.helpers.videos.alterations import mark_as_encrypted
from tests.helpers.videos.clip_recipes import avif, encrypted, x264
from tests.helpers.videos.covers import SIZE, VIDEO_CODECS, disable_tracks, put_cover_first, with_cover
from tests.helpers.videos.make_clip import make_clip
from tests.helpers.videos.moving_square import moving_square


def sampled(num_frames):
    return evaluation_indices(num_frames, 8)


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


def test_a_pipe_is_read_up_to_the_limit(make_video, tmp_path):
    data, pipe = make_video(20).read_bytes(), tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(pipe.write_bytes, data)
        assert decode(pipe, sampled, DecodeLimits(max_bytes=len(data))).video.frames == 20
        threads.submit(pipe.write_bytes, data)
        with pytest.raises(LimitExceeded):
            decode(pipe, sampled, DecodeLimits(max_bytes=len(data) - 1))


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


@pytest.mark.parametrize("container", VIDEO_CODECS)
def test_a_song_with_a_cover_is_no_video(container):
    with pytest.raises(NotAVideo):
        decode(with_cover(container), sampled)


@pytest.mark.parametrize("container", VIDEO_CODECS)
@pytest.mark.parametrize("num_frames", [1, 20])
def test_a_video_with_a_cover_is_one(container, num_frames):
    _check_shows_video(with_cover(container, num_frames), num_frames)


@pytest.mark.parametrize("num_frames", [1, 20])
def test_a_cover_that_comes_first_is_passed_over(num_frames):
    mp4 = put_cover_first(with_cover("mp4", num_frames))
    _check_shows_video(mp4, num_frames)
    _check_shows_video(disable_tracks(mp4), num_frames)


def _check_shows_video(data, num_frames):
    clip = decode(data, sampled)
    assert clip.video.frames == num_frames
    assert (clip.video.width, clip.video.height) == SIZE


def test_a_photo_is_no_video():
    avif_photo = make_clip(avif("photo", frames=1))
    heic_photo = avif_photo.replace(b"ftypavif", b"ftypheic")
    for photo in (avif_photo, heic_photo, heic_photo[: len(heic_photo) // 4]):
        with pytest.raises(NotAVideo):
            decode(photo, sampled)


def test_an_animation_is_a_video():
    clip = decode(make_clip(avif("animation", frames=12)), sampled)
    assert clip.video.frames == 12


@pytest.mark.parametrize("movflags", ["faststart", "frag_keyframe+empty_moov"])
def test_an_encrypted_mp4(movflags):
    mp4 = make_clip(encrypted("mp4", muxing={"movflags": movflags}))
    for data in (mp4, mp4[: mp4.index(b"encv") + 200]):
        with pytest.raises(Encrypted):
            decode(data, sampled)
        with pytest.raises(Encrypted), open_stream(data):
            pass


def test_an_encrypted_matroska():
    with pytest.raises(Encrypted):
        decode(mark_as_encrypted(make_clip(x264("named", container="matroska", title="x" * 18))), sampled)


def encoded(path, **options):
    """Write 60 frames with a keyframe each second, and return the bytes."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "25"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for frame in moving_square(60):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}], ids=["index-last", "index-first"])
def test_a_truncated_mp4(options, tmp_path):
    whole = encoded(tmp_path / "whole.mp4", **options)
    with pytest.raises(Undecodable):
        decode(whole[: len(whole) // 3], sampled)


@pytest.mark.parametrize("options", [{}, {"flvflags": "add_keyframe_index"}], ids=["no-index", "index-first"])
def test_an_flv_that_ends_after_a_tag(options, tmp_path):
    whole = encoded(tmp_path / "whole.flv", **options)
    with av.open(io.BytesIO(whole), "r") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    clip = decode(whole[: packets[20].pos], sampled)
    assert clip.video.frames == 20
    for image, expected in zip(clip.images, decode(whole, lambda _: clip.indices).images, strict=True):
        np.testing.assert_array_equal(image, expected)


@given(parts=st.lists(st.tuples(st.integers(0, 300_000), st.integers(0, 300_000)), max_size=8))
def test_parts_of_a_file_are_those_of_its_bytes(tmp_path_factory, parts):
    path = tmp_path_factory.getbasetemp() / "bytes"
    content = bytes(range(251)) * 1_000
    path.write_bytes(content)
    with path.open("rb") as file:
        read_at = ReadAhead(file.fileno()).read_at
        for begin, end in parts:
            assert bytes(read_at(begin, end)) == content[begin:end]
