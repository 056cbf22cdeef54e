"""Made clips: short ones of many kinds, and one film of ten seconds to an hour."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from tests.helpers.videos.clip_recipes import ClipRecipe
from tests.helpers.videos.make_clip import make_clip

X264 = {"x264-params": "threads=1:sliced-threads=0"}
"""FFmpeg's defaults: medium, three B-frames as a pyramid, three references; one slice per frame, as usual."""
NO_B = X264 | {"bf": "0", "preset": "veryfast"}
X265 = {"preset": "fast", "x265-params": "log-level=none:pools=none:frame-threads=1"}
REALTIME = {"deadline": "realtime", "cpu-used": "8"}
CLIPS = (
    ClipRecipe("h264 340x256 gop 250", options=X264, width=340, height=256, frames=300, gop=250),
    ClipRecipe("h264 340x256 gop 12", options=X264, width=340, height=256, frames=300),
    ClipRecipe("h264 640x360 gop 150", options=X264, width=640, height=360, frames=250, gop=150),
    ClipRecipe("h264 640x360 ts gop 50", "mpegts", options=X264, width=640, height=360, frames=250, gop=50),
    ClipRecipe("h264 720p mkv gop 250", "matroska", options=X264, width=1280, height=720, frames=200, gop=250),
    ClipRecipe(
        "h264 1080p gop 250", options=X264 | {"preset": "veryfast"}, width=1920, height=1080, frames=150, gop=250
    ),
    ClipRecipe("h264 720p no B gop 30", options=NO_B, width=1280, height=720, frames=150, gop=30),
    ClipRecipe("hevc 640x360 gop 250", "mp4", "libx265", X265, width=640, height=360, frames=250, gop=250),
    ClipRecipe("hevc 720p gop 60", "mp4", "libx265", X265, width=1280, height=720, frames=120, gop=60),
    ClipRecipe("mpeg4 avi 340x256", "avi", "mpeg4", {"bf": "0", "b": "800k"}, width=340, height=256, frames=300),
    ClipRecipe("mpeg4 avi 340x256 B", "avi", "mpeg4", {"bf": "2", "b": "800k"}, width=340, height=256, frames=300),
    ClipRecipe("vp8 640x360", "webm", "libvpx", REALTIME | {"b": "1M"}, width=640, height=360, frames=250, gop=60),
    ClipRecipe("vp9 640x360", "webm", "libvpx-vp9", REALTIME | {"b": "1M"}, width=640, height=360, frames=250, gop=60),
    ClipRecipe("av1 640x360", "mp4", "libsvtav1", {"preset": "12"}, width=640, height=360, frames=250, gop=60),
    ClipRecipe("mjpeg 640x360", "mov", "mjpeg", width=640, height=360, frames=120, pixels="yuvj420p"),
)


def moving_picture(recipe: ClipRecipe) -> Iterator[VideoFrame]:
    """Yield frames of a camera that pans, turns and zooms over a soft texture with grain, and of a crossing object."""
    rng = np.random.default_rng(7)
    height, width = recipe.height, recipe.width
    coarse = rng.integers(0, 256, (height // 16, width // 16, 3), np.uint8)
    texture = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    for index in range(recipe.frames):
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), index * 0.3, 1 + index * 0.002)
        turn += np.array([[0, 0, index * 0.7], [0, 0, index * 0.4]])
        frame = cv2.warpAffine(texture, turn, (width, height), borderMode=cv2.BORDER_REFLECT)
        left = index * 5 % (width - height // 4)
        frame[height // 3 : height // 2, left : left + height // 4] = texture[
            : height // 2 - height // 3, : height // 4
        ]
        grain = rng.integers(0, 4, (height, width, 1), np.uint8)
        grainy = np.asarray(cv2.add(frame, np.repeat(grain, 3, axis=2)), np.uint8)
        yield av.VideoFrame.from_ndarray(grainy, format="rgb24")


SCENE = ClipRecipe("scene", options=X264 | {"preset": "veryfast"}, width=640, height=360, frames=250, gop=250)
"""Ten seconds, of which longer films are made by repetition."""


@dataclass(frozen=True)
class Film:
    """A film of so many seconds: the scene, again and again."""

    name: str
    seconds: int

    def write(self, path: Path, scene: bytes) -> None:
        """Write the film as MP4; `scene` is the encoded SCENE."""
        with av.open(io.BytesIO(scene), "r") as source, av.open(str(path), "w", format="mp4") as output:
            video = source.streams.video[0]
            stream = output.add_stream_from_template(video)
            packets = [packet for packet in source.demux(video) if packet.size]
            assert video.time_base is not None
            length = round(SCENE.frames / 25 / video.time_base)
            for number in range(self.seconds * 25 // SCENE.frames):
                for packet in packets:
                    output.mux(_moved(packet, number * length, stream))


def _moved(packet: Packet[VideoStream], by: int, stream: VideoStream) -> Packet[VideoStream]:
    moved: Packet[VideoStream] = Packet(bytes(packet))  # type: ignore[assignment]
    moved.stream, moved.time_base, moved.is_keyframe = stream, packet.time_base, packet.is_keyframe
    assert packet.pts is not None
    assert packet.dts is not None
    moved.pts, moved.dts, moved.duration = packet.pts + by, packet.dts + by, packet.duration
    return moved


def encoded_scene() -> bytes:
    """Return the encoded SCENE."""
    return make_clip(SCENE, moving_picture)


FILMS = (
    Film("h264 640x360 10 s", 10),
    Film("h264 640x360 1 min", 60),
    Film("h264 640x360 10 min", 600),
    Film("h264 640x360 60 min", 3600),
)
