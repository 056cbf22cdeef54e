"""Small video files of every kind, made with PyAV's encoders: to compare decoders on, and to damage."""

import functools
import io
import random
import re
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame

X264 = {"preset": "veryfast"}
REALTIME = {"deadline": "realtime", "cpu-used": "8"}
ALT_REF = {"auto-alt-ref": "1", "lag-in-frames": "25", "b": "100k"}
X265 = "log-level=none:pools=none:frame-threads=1"


@dataclass(frozen=True, eq=False)
class Made:
    """How a clip is made; `drop_first` frames lie before time 0, and `change` is done to the finished file."""

    name: str
    container: str = "mp4"
    encoder: str = "libx264"
    options: dict[str, str] = field(default_factory=dict)
    frames: int = 40
    width: int = 80
    height: int = 64
    pixels: str = "yuv420p"
    muxing: dict[str, str] = field(default_factory=dict)
    varying_rate: bool = False
    audio_first: bool = False
    second_video: bool = False
    turn: int = 0
    gop: int = 12
    drop_first: int = 0
    change: Callable[[bytes], bytes] = bytes


def x264(name, **fields):
    options = X264 | fields.pop("options", {})
    return Made(f"x264-{name}", options=options, **fields)


def x265(name, params, **fields):
    options = {"preset": "veryfast", "x265-params": f"{X265}:{params}"}
    return Made(f"x265-{name}", encoder="libx265", options=options, **fields)


def make(made: Made, pictures: Callable[[Made], Iterable[VideoFrame]] | None = None) -> bytes:
    """The finished file; `pictures` are what it shows, else a patch that moves over noise.

    A second call need not give the same bytes: x264's macroblock tree is not always the same, Matroska numbers its
    files at random. Where a file is compared with itself, take `made_file`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "made"
        # Run by root, SVT-AV1 makes the thread that calls it a real-time one, which would starve all that come after.
        with ThreadPoolExecutor(1) as apart:
            apart.submit(_write, path, made, pictures or _pictures).result()
        return made.change(path.read_bytes())


@functools.cache
def made_file(made: Made) -> bytes:
    """The file of `make`, made once."""
    return make(made)


def _write(path, made, pictures):
    with av.open(str(path), "w", format=made.container, options=made.muxing) as container:
        audio = [container.add_stream("aac", rate=8000, layout="mono")] if made.audio_first else []
        videos = [_add_video(container, made)]
        if made.second_video:
            videos.append(_add_video(container, made, width=32, height=32))
        for stream in audio:
            container.mux(_silence(stream))
        for index, picture in enumerate(pictures(made)):
            for video in videos:
                frame = picture.reformat(video.width, video.height, video.pix_fmt)
                frame.pts, frame.time_base = _time(made, index), Fraction(1, 1000)
                container.mux(_finished(made, video.encode(frame)))
        for video in videos:
            container.mux(_finished(made, video.encode()))


def _add_video(container, made, width=None, height=None):
    video = container.add_stream(made.encoder, rate=25, options=made.options)
    video.width, video.height, video.pix_fmt = width or made.width, height or made.height, made.pixels
    video.codec_context.time_base = Fraction(1, 25 if not made.varying_rate else 1000)
    video.gop_size = made.gop
    if made.turn:
        video.set_display_rotation(made.turn)
    return video


def _silence(audio):
    for index in range(8):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, index * 1024, Fraction(1, 8000)
        yield from audio.encode(frame)
    yield from audio.encode()


def _pictures(made):
    """Noise that moves over a gradient, so that each frame differs and prediction has work to do."""
    rng = np.random.default_rng(len(made.name))
    texture = rng.integers(0, 256, (made.height, made.width, 3), np.uint8)
    gradient = np.linspace(0, 120, made.width, dtype=np.uint8)[None, :, None]
    for index in range(made.frames):
        frame = texture // 4 + gradient
        top, left = (index * 2) % (made.height - 24), (index * 3) % (made.width - 24)
        frame[top : top + 24, left : left + 24] = texture[:24, :24]
        yield av.VideoFrame.from_ndarray(frame, format="rgb24")


def _time(made, index):
    """In milliseconds."""
    return index * 40 + (random.Random(index).randrange(30) if made.varying_rate else 0)


def _finished(made, packets):
    return [_before_zero(packet, made.drop_first) for packet in packets]


def _before_zero(packet, num_frames):
    """An MP4's edit list hides what comes before time 0."""
    if num_frames and packet.time_base:
        shift = round(num_frames / 25 / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
    return packet


def pack_b_pictures(data: bytes) -> bytes:
    """DivX's B pictures in an AVI: each in the packet of the picture before, an empty one in its place."""
    return _remux(data, "avi", lambda packets: enumerate(_packed([bytes(packet) for packet in packets])))


def hide_pictures(data: bytes) -> bytes:
    """VP8's alternative references: packets that change what later ones refer to and show nothing."""
    return _remux(data, "webm", _with_hidden)


def sign_as_old_x264(data: bytes) -> bytes:
    """Decoders then compute some 4:4:4 pictures as that build of x264 wrongly did."""
    return re.sub(rb"x264 - core \d{3}", b"x264 - core 148", data)


NAL_HEADER = 5
"""Bytes in an MP4: the length and the type."""


def damage(data: bytes, packets: slice, kept: float) -> bytes:
    """Overwrite all but a part of each of these packets of an MP4, which only decoding can notice."""
    damaged = bytearray(data)
    with av.open(io.BytesIO(data), "r") as container:
        chosen = [packet for packet in container.demux(video=0) if packet.size][packets]
    for packet in chosen:
        assert packet.pos is not None
        num_kept = max(NAL_HEADER, int(kept * packet.size))
        damaged[packet.pos + num_kept : packet.pos + packet.size] = bytes([255]) * (packet.size - num_kept)
    return bytes(damaged)


def _remux(data: bytes, container_format: str, change: Any) -> bytes:
    target = io.BytesIO()
    with av.open(io.BytesIO(data), "r") as source, av.open(target, "w", format=container_format) as container:
        video = source.streams.video[0]
        stream = container.add_stream_from_template(video)
        for time, body in change([packet for packet in source.demux(video) if packet.size]):
            packet = av.Packet(body)
            packet.stream, packet.pts, packet.dts = stream, time, time
            packet.time_base = Fraction(1, 25 if container_format == "avi" else 1000)
            container.mux(packet)
    return target.getvalue()


def _with_hidden(packets):
    for packet in packets:
        body = bytes(packet)
        if packet.pts % 160 == 80 and body[0] & 1:
            yield packet.pts - 1, bytes([body[0] & ~0x10]) + body[1:]
        yield packet.pts, body


EMPTY_PICTURE = b"\0\0\1\xb6\x53\x00"
DIVX = b"\0\0\1\xb2DivX503b1393p"


def _packed(bodies):
    for index, body in enumerate(bodies):
        follower = bodies[index + 1] if index + 1 < len(bodies) else b""
        if _kind(body) == B_KIND:
            yield EMPTY_PICTURE
        else:
            at = body.index(VOP)
            yield body[:at] + DIVX + body[at:] + (follower if follower and _kind(follower) == B_KIND else b"")


VOP, B_KIND = b"\0\0\1\xb6", 2


def _kind(body):
    return body[body.index(VOP) + 4] >> 6


H264 = [
    x264("gop-12"),
    x264("gop-250", gop=250),
    x264("all-intra", gop=1),
    x264("no-b", options={"bf": "0"}),
    x264("one-b", options={"bf": "1"}),
    x264("pyramid-3", options={"bf": "3", "x264-params": "b-pyramid=normal:b-adapt=0"}),
    x264("pyramid-16", options={"bf": "16", "x264-params": "b-pyramid=normal:b-adapt=0"}, gop=30),
    x264("flat-16", options={"bf": "16", "x264-params": "b-pyramid=none:b-adapt=0"}, gop=250),
    x264("strict-pyramid", options={"bf": "7", "x264-params": "b-pyramid=strict:b-adapt=0"}),
    x264("open-gop", options={"bf": "3", "x264-params": "open-gop=1:b-adapt=0"}),
    x264("intra-refresh", options={"x264-params": "intra-refresh=1"}),
    x264("b-at-the-end", options={"bf": "8", "x264-params": "b-adapt=0"}, frames=38),
    x264("many-references", options={"bf": "4", "refs": "8", "x264-params": "b-adapt=0:weightp=2"}),
    x264("slices", options={"x264-params": "slices=4"}),
    x264("varying-rate", varying_rate=True),
    x264("edit-list", muxing={"use_editlist": "1"}, drop_first=5),
    x264("fragmented", muxing={"movflags": "frag_keyframe+empty_moov"}),
    x264("faststart", muxing={"movflags": "faststart"}),
    x264("mov", container="mov"),
    x264("mkv", container="matroska"),
    x264("ts", container="mpegts"),
    x264("ts-open-gop", container="mpegts", options={"x264-params": "open-gop=1"}),
    x264("flv", container="flv"),
    x264("avi", container="avi"),
    x264("avi-no-b", container="avi", options={"bf": "0"}),
    x264("raw", container="h264"),
    x264("ps", container="mpeg"),
    x264("audio-first", audio_first=True),
    x264("two-videos", second_video=True),
    x264("10-bit", pixels="yuv420p10le"),
    x264("4:4:4", pixels="yuv444p"),
    x264("old-lossless-4:4:4", options={"qp": "0"}, pixels="yuv444p", change=sign_as_old_x264),
    x264("4:2:2", pixels="yuv422p"),
    x264("odd-size", width=81, height=63, pixels="yuv444p"),
    x264("interlaced", options={"flags": "+ildct+ilme", "x264-params": "tff=1"}),
    x264("baseline", options={"profile": "baseline"}),
    *[x264(f"{count}-frames", frames=count) for count in (1, 2, 7, 8, 9, 300)],
    *[x264(f"turned-{turn}", turn=turn) for turn in (0, 90, 180, 270)],
]

OTHERS = [
    x265("gop-12", "keyint=12:open-gop=0", container="matroska"),
    x265("open-gop", "keyint=12:open-gop=1:bframes=4"),
    x265("pyramid", "keyint=250:bframes=8:b-adapt=0"),
    x265("temporal-layers", "keyint=24:temporal-layers=3:bframes=3:b-adapt=0:open-gop=0"),
    x265("10-bit", "keyint=12", pixels="yuv420p10le"),
    x265("ts", "keyint=12", container="mpegts"),
    x265("no-b", "bframes=0:keyint=20"),
    Made("vp8", "webm", "libvpx", {"deadline": "realtime"}),
    Made("vp8-alt-ref", "webm", "libvpx", {"deadline": "realtime"}, change=hide_pictures),
    Made("vp9", "webm", "libvpx-vp9", REALTIME),
    Made("vp9-alt-ref", "webm", "libvpx-vp9", REALTIME | ALT_REF, frames=80, gop=40),
    Made("vp9-mp4", "mp4", "libvpx-vp9", REALTIME),
    Made("vp9-alpha", "webm", "libvpx-vp9", REALTIME, pixels="yuva420p"),
    Made("av1", "mp4", "libsvtav1", {"preset": "12", "svtav1-params": "lp=1"}),
    Made("av1-mkv-one-key", "matroska", "libsvtav1", {"preset": "12", "svtav1-params": "lp=1"}, gop=250),
    Made("mpeg4", "mp4", "mpeg4", {"bf": "0"}),
    Made("mpeg4-b", "mp4", "mpeg4", {"bf": "2"}),
    Made("mpeg4-avi", "avi", "mpeg4", {"bf": "0"}),
    Made("mpeg4-avi-b", "avi", "mpeg4", {"bf": "2"}),
    Made("mpeg4-avi-packed", "avi", "mpeg4", {"bf": "1"}, change=pack_b_pictures),
    Made("mjpeg", "mov", "mjpeg", pixels="yuvj420p"),
    Made("mjpeg-avi", "avi", "mjpeg", pixels="yuvj422p"),
    Made("prores", "mov", "prores_ks", pixels="yuv422p10le"),
    Made("ffv1-alpha", "matroska", "ffv1", pixels="bgra"),
    Made("huffyuv", "avi", "huffyuv", pixels="yuv422p"),
    Made("mpeg2-ps", "mpeg", "mpeg2video", {"bf": "2"}),
    Made("mpeg2-ts", "mpegts", "mpeg2video", {"bf": "2"}),
    Made("flv1", "flv", "flv"),
    Made("wmv2", "asf", "wmv2"),
    Made("gif", "gif", "gif", pixels="rgb8"),
    Made("png-alpha", "mov", "png", pixels="rgba"),
]

CLIPS = [*H264, *OTHERS]
