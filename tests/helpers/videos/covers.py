"""Songs and videos with cover art."""

import base64
import io
import struct
from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np

VIDEO_CODECS = {"mp4": "libx264", "matroska": "libvpx", "ogg": "libvpx"}
"""Containers that hold cover art, and a codec for each."""

JPEG = cv2.imencode(".jpg", np.full((96, 96, 3), (220, 20, 10), np.uint8))[1].tobytes()
SIZE = (64, 48)
"""Width and height of the video, in pixels."""


def with_cover(container_format: str, num_frames: int = 0) -> bytes:
    """Encode a short silence with cover art, and a grey video of so many frames."""
    file = io.BytesIO()
    with av.open(file, "w", format=container_format) as container:
        audio = container.add_stream("libopus", rate=48000, layout="mono")
        video: Any = _add_video(container, container_format) if num_frames else None
        COVERS[container_format](container, audio)
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4800), np.float32), format="flt", layout="mono")
        silence.sample_rate = 48000
        container.mux([*audio.encode(silence), *audio.encode()])
        for level in range(num_frames):
            picture = np.full((*SIZE[::-1], 3), level, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(video.encode() if video else [])
    return file.getvalue()


def put_cover_first(mp4: bytes) -> bytes:
    """Move an MP4's cover art before its tracks."""
    movie = mp4.index(b"moov")
    tracks, extras = mp4.index(b"trak", movie) - 4, mp4.index(b"udta", movie) - 4
    end = extras + int.from_bytes(mp4[extras : extras + 4], "big")
    return mp4[:tracks] + mp4[extras:end] + mp4[tracks:extras] + mp4[end:]


def disable_tracks(mp4: bytes) -> bytes:
    """Mark all tracks of an MP4 as not enabled."""
    return mp4.replace(b"tkhd\0\0\0\3", b"tkhd\0\0\0\2")


def _add_video(container, container_format):
    video = container.add_stream(VIDEO_CODECS[container_format], rate=25)
    video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
    return video


def _attach_as_stream(container, audio):
    cover = container.add_stream("mjpeg", rate=1)
    cover.width, cover.height, cover.pix_fmt = 96, 96, "yuvj420p"
    cover.disposition = av.stream.Disposition.attached_pic
    packet = av.Packet(JPEG)
    packet.stream, packet.pts, packet.dts, packet.time_base = cover, 0, 0, Fraction(1, 90000)
    container.mux(packet)


def _attach_as_file(container, audio):
    container.add_attachment("cover.jpg", "image/jpeg", JPEG)


def _attach_as_comment(container, audio):
    media_type, front_cover = b"image/jpeg", 3
    start = struct.pack(">II", front_cover, len(media_type)) + media_type
    picture = start + struct.pack(">IIIIII", 0, 96, 96, 24, 0, len(JPEG)) + JPEG
    audio.metadata["METADATA_BLOCK_PICTURE"] = base64.b64encode(picture).decode()


COVERS = {"mp4": _attach_as_stream, "matroska": _attach_as_file, "ogg": _attach_as_comment}
