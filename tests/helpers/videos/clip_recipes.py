"""Recipes for small video files of every kind: to compare decoders on, and to damage."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.helpers.videos.alterations import hide_pictures, pack_b_pictures, sign_as_old_x264

X264 = {"preset": "veryfast"}
REALTIME = {"deadline": "realtime", "cpu-used": "8"}
ALT_REF = {"auto-alt-ref": "1", "lag-in-frames": "25", "b": "100k"}
AV1 = {"preset": "12", "svtav1-params": "lp=1"}
X265 = "log-level=none:pools=none:frame-threads=1"


@dataclass(frozen=True, eq=False)
class ClipRecipe:
    """Container, encoder and pictures of a clip.

    `drop_first` frames lie before time 0, and `change` is applied to the finished file.
    """

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
    title: str = ""
    change: Callable[[bytes], bytes] = bytes


def x264(name: str, **fields: Any) -> ClipRecipe:
    """Return a recipe for H.264."""
    options = X264 | fields.pop("options", {})
    return ClipRecipe(f"x264-{name}", options=options, **fields)


def x265(name: str, params: str, **fields: Any) -> ClipRecipe:
    """Return a recipe for HEVC; `params` are x265's own."""
    options = {"preset": "veryfast", "x265-params": f"{X265}:{params}"}
    return ClipRecipe(f"x265-{name}", encoder="libx265", options=options, **fields)


def avif(name: str, **fields: Any) -> ClipRecipe:
    """Return a recipe for an AVIF file: a photo for one frame, an animation for more."""
    return ClipRecipe(f"avif-{name}", "avif", "libsvtav1", AV1, **fields)


def encrypted(name: str, **fields: Any) -> ClipRecipe:
    """Return a recipe for an MP4 under Common Encryption."""
    key = "00112233445566778899aabbccddeeff"
    scheme = {"encryption_scheme": "cenc-aes-ctr", "encryption_key": key, "encryption_kid": key}
    return ClipRecipe(f"encrypted-{name}", muxing=scheme | fields.pop("muxing", {}), **fields)


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
    ClipRecipe("vp8", "webm", "libvpx", {"deadline": "realtime"}),
    ClipRecipe("vp8-alt-ref", "webm", "libvpx", {"deadline": "realtime"}, change=hide_pictures),
    ClipRecipe("vp9", "webm", "libvpx-vp9", REALTIME),
    ClipRecipe("vp9-alt-ref", "webm", "libvpx-vp9", REALTIME | ALT_REF, frames=80, gop=40),
    ClipRecipe("vp9-mp4", "mp4", "libvpx-vp9", REALTIME),
    ClipRecipe("vp9-alpha", "webm", "libvpx-vp9", REALTIME, pixels="yuva420p"),
    ClipRecipe("av1", "mp4", "libsvtav1", AV1),
    ClipRecipe("av1-mkv-one-key", "matroska", "libsvtav1", AV1, gop=250),
    ClipRecipe("mpeg4", "mp4", "mpeg4", {"bf": "0"}),
    ClipRecipe("mpeg4-b", "mp4", "mpeg4", {"bf": "2"}),
    ClipRecipe("mpeg4-avi", "avi", "mpeg4", {"bf": "0"}),
    ClipRecipe("mpeg4-avi-b", "avi", "mpeg4", {"bf": "2"}),
    ClipRecipe("mpeg4-avi-packed", "avi", "mpeg4", {"bf": "1"}, change=pack_b_pictures),
    ClipRecipe("mjpeg", "mov", "mjpeg", pixels="yuvj420p"),
    ClipRecipe("mjpeg-avi", "avi", "mjpeg", pixels="yuvj422p"),
    ClipRecipe("prores", "mov", "prores_ks", pixels="yuv422p10le"),
    ClipRecipe("ffv1-alpha", "matroska", "ffv1", pixels="bgra"),
    ClipRecipe("huffyuv", "avi", "huffyuv", pixels="yuv422p"),
    ClipRecipe("mpeg2-ps", "mpeg", "mpeg2video", {"bf": "2"}),
    ClipRecipe("mpeg2-ts", "mpegts", "mpeg2video", {"bf": "2"}),
    ClipRecipe("flv1", "flv", "flv"),
    ClipRecipe("wmv2", "asf", "wmv2"),
    ClipRecipe("gif", "gif", "gif", pixels="rgb8"),
    ClipRecipe("png-alpha", "mov", "png", pixels="rgba"),
]

CLIPS = [*H264, *OTHERS]


def recipe_named(name: str) -> ClipRecipe:
    """Return the recipe of CLIPS with this name."""
    return next(recipe for recipe in CLIPS if recipe.name == name)
