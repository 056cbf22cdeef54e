"""Chosen frames of real videos: equal to those of a plain PyAV loop, with their times, and upright."""

import io
import struct
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from clips.decoding import decode as decode_module
from clips.decoding.container import QUICK_PROBING, VideoFile
from clips.decoding.decode import decode
from clips.decoding.frames import every_frame as every_decoded_frame
from clips.decoding.limits import DecodeLimits
from clips.decoding.seek import survey_packets
from clips.decoding.survey import demuxed
from clips.sampling import evaluation_indices
from tests.helpers.fuzzing.clock_faults import full_decode
from tests.helpers.videos.alterations import pad_packets, set_display_matrix
from tests.helpers.videos.clip_recipes import recipe_named
from tests.helpers.videos.make_clip import cached_clip
from tests.helpers.videos.moving_square import moving_square
from training.synthetic.video_encoder import ENCODINGS, Encoding, encode_video

B_FRAMES = Encoding("avi", "mpeg4", {"bf": "2", "g": "12"})
INTERLACED = Encoding("mp4", "libx264", {"flags": "+ildct+ilme", "x264-params": "tff=1"})
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


@pytest.mark.parametrize(
    "encoding", [*ENCODINGS, *OTHERS], ids=lambda encoding: f"{encoding.encoder}-{encoding.container}"
)
def test_every_frame_is_that_of_a_plain_decode(encoding):
    data = encode_video(moving_square(30), encoding, 25)
    clip = decode(data, every_frame)
    expected = full_decode(data)
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


@pytest.mark.parametrize(("num_lost", "num_passes"), [(1, 1), (3, 1), (9, 2)])
def test_packets_decode_once_though_some_show_nothing(monkeypatch, num_lost, num_passes):
    passes = []

    def counted(video, packets):
        passes.append(video)
        return every_decoded_frame(video, packets)

    monkeypatch.setattr(decode_module, "every_frame", counted)
    without_b = Encoding("mp4", "libx264", {"bf": "0", "g": "250"})
    data = pad_packets(encode_video(moving_square(30), without_b, 25), range(20, 20 + num_lost))
    clip, expected = decode(data, sampled), full_decode(data)
    assert len(passes) == num_passes
    assert (clip.report.path, clip.video.frames) == ("full", 30 - num_lost)
    assert len(expected) == 30 - num_lost
    assert clip.indices == tuple(evaluation_indices(30 - num_lost, 8))
    for index, image in zip(clip.indices, clip.images, strict=True):
        np.testing.assert_array_equal(image, expected[index])


def turned_clockwise(image):
    return np.rot90(image, -1)


def turned_counterclockwise(image):
    return np.rot90(image)


def turned_round(image):
    return image[::-1, ::-1]


def transposed(image):
    return image.swapaxes(0, 1)


def transversed(image):
    return image[::-1, ::-1].swapaxes(0, 1)


def unchanged(image):
    return image


COS_30, SIN_30 = 0.8660254, 0.5
ORIENTATIONS = [
    ((1, 0, 0, 1), unchanged),
    ((0, 1, -1, 0), turned_clockwise),
    ((-1, 0, 0, -1), turned_round),
    ((0, -1, 1, 0), turned_counterclockwise),
    ((-1, 0, 0, 1), np.fliplr),
    ((1, 0, 0, -1), np.flipud),
    ((0, 1, 1, 0), transposed),
    ((0, -1, -1, 0), transversed),
]
ODD_MATRICES = [
    ((0, 2, -2, 0), turned_clockwise),
    ((-0.5, 0, 0, 0.25), np.fliplr),
    ((COS_30, SIN_30, -SIN_30, COS_30), unchanged),
    ((SIN_30, COS_30, -COS_30, SIN_30), turned_clockwise),
    ((0, 0, 0, 0), unchanged),
]


@pytest.mark.parametrize(("matrix", "expected"), [*ORIENTATIONS, *ODD_MATRICES])
def test_the_display_matrix_is_applied(make_video, matrix, expected):
    plain = make_video(8).read_bytes()
    _check_shown(set_display_matrix(plain, matrix), expected(decode(plain, first_frame).images[0]))


@pytest.mark.parametrize(("matrix", "expected"), ORIENTATIONS[4:])
def test_the_full_path_mirrors_too(make_video, matrix, expected):
    plain = make_video(8, INTERLACED).read_bytes()
    mirrored = set_display_matrix(plain, matrix)
    _check_shown(mirrored, expected(decode(plain, first_frame).images[0]))
    assert decode(mirrored, first_frame).report.path == "full"


def test_side_data_of_an_unknown_kind_is_passed_over():
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x112, 3, 1, 3, 0, 0)
    exif = b"\xff\xe1" + struct.pack(">H", len(tiff) + 8) + b"Exif\0\0" + tiff
    plain = cv2.imencode(".jpg", next(iter(moving_square(1))))[1].tobytes()
    shown = decode(_motion_jpeg(plain[:2] + exif + plain[2:]), first_frame)
    np.testing.assert_array_equal(shown.images[0], turned_round(decode(_motion_jpeg(plain), first_frame).images[0]))


def _check_shown(data, image):
    shown = decode(data, first_frame)
    np.testing.assert_array_equal(shown.images[0], image)
    assert (shown.video.height, shown.video.width) == image.shape[:2]


def _motion_jpeg(jpeg):
    file = io.BytesIO()
    with av.open(file, "w", format="mov") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuvj420p"
        packet = av.Packet(jpeg)
        packet.stream, packet.pts, packet.dts, packet.time_base = stream, 0, 0, Fraction(1, 25)
        container.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize("max_held_bytes", [0, demuxed.MAX_HELD_BYTES])
@pytest.mark.parametrize("name", ["gif", "mpeg2-ps"])
def test_a_file_without_times_is_read_once_if_its_packets_fit_in_memory(name, max_held_bytes, monkeypatch):
    data, opened, open_file = cached_clip(recipe_named(name)), [], VideoFile.open

    def open_and_count(file, probing):
        opened.append(probing)
        return open_file(file, probing)

    monkeypatch.setattr(demuxed, "MAX_HELD_BYTES", max_held_bytes)
    monkeypatch.setattr(VideoFile, "open", open_and_count)
    clip = decode(data, every_frame)
    assert clip.report.path == "full"
    assert clip.report.packets_fed == clip.report.packets
    assert len(opened) == (1 if max_held_bytes else 2)
    for image, expected in zip(clip.images, full_decode(data), strict=True):
        np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize("name", ["mpeg4-avi", "mpeg4-avi-b", "mpeg4-avi-packed", "mjpeg-avi", "huffyuv", "mpeg2-ts"])
def test_packets_are_counted_alike_where_their_times_are_not_needed(name):
    def count(*, needs_times):
        file = VideoFile(cached_clip(recipe_named(name)), DecodeLimits())
        with file.open(QUICK_PROBING) as video:
            return len(survey_packets(file, video, needs_times=needs_times).timestamps)

    assert count(needs_times=False) == count(needs_times=True) > 0
