"""Folders of frames: consecutively numbered JPEG or PNG files, decoded like a video."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from clips.decoding.decode import DecodedClip, DecodeReport
from clips.decoding.errors import LimitExceeded, NotAVideo, Undecodable
from clips.decoding.frames import Image
from clips.decoding.limits import DEFAULT_LIMITS, DecodeLimits
from clips.part import WHOLE, Part, PickFrames
from clips.video_info import VideoInfo

FRAMES_PER_SECOND = 25
"""Assumed rate, as by FFmpeg's demuxer of image sequences, `image2`."""

_NUMBERED = re.compile(r"(?P<prefix>.*?)(?P<number>\d+)(?P<suffix>\.(?:jpe?g|png))", re.IGNORECASE)
_CODECS = {".png": "png", ".jpg": "mjpeg", ".jpeg": "mjpeg"}


@dataclass(frozen=True)
class FrameFolder:
    """A folder and the names of its frames, in order."""

    path: Path
    files: tuple[str, ...]

    @property
    def size_bytes(self) -> int:
        """Size of all frames."""
        return sum((self.path / file).stat().st_size for file in self.files)


@dataclass(frozen=True)
class EncodedFrames:
    """Frames chosen of a folder's `num_frames`, as they are stored: `data_of` each file, in the order of the folder."""

    num_frames: int
    indices: tuple[int, ...]
    data_of: dict[str, bytes]


def find_frames(folder: Path, names: Iterable[str] | None = None) -> FrameFolder | None:
    """Return the frames of a folder: two or more images named alike but for consecutive numbers; None without them.

        find_frames(Path("clip")).files    # ("img_00001.jpg", "img_00002.jpg", ...)

    `names` are those of its files, where they are known. Other files in the folder do not matter, other numbered images
    do: then it is unclear which are the frames.
    """
    present = os.listdir(folder) if names is None else names
    matches = [match for name in present if (match := _NUMBERED.fullmatch(name))]
    by_number = {int(match["number"]): match[0] for match in matches}
    alike = len({(match["prefix"], match["suffix"]) for match in matches}) == 1
    if not alike or not 2 <= len(matches) == len(by_number) == max(by_number) - min(by_number) + 1:
        return None
    return FrameFolder(folder, tuple(by_number[number] for number in sorted(by_number)))


def read_frames(
    folder: str | os.PathLike[str],
    pick_frames: PickFrames,
    limits: DecodeLimits = DEFAULT_LIMITS,
    part: Part = WHOLE,
) -> EncodedFrames:
    """Read the files of the frames that `pick_frames` chooses of those in the part; times assume FRAMES_PER_SECOND.

    Raises NotAVideo for a folder without frames, NoSuchPart, LimitExceeded, and OSError.
    """
    frames = find_frames(Path(folder))
    if frames is None:
        raise NotAVideo("the folder holds no consecutively numbered frames (.jpg or .png)")
    num_frames = len(frames.files)
    if num_frames > limits.max_frames:
        raise LimitExceeded(f"the folder holds {num_frames} frames, more than {limits.max_frames}")
    times = [index / FRAMES_PER_SECOND for index in range(num_frames)]
    indices = part.pick(pick_frames, times, num_frames / FRAMES_PER_SECOND)
    chosen = FrameFolder(frames.path, tuple(frames.files[index] for index in sorted(set(indices))))
    if chosen.size_bytes > limits.max_bytes:
        raise LimitExceeded(f"the sampled frames have {chosen.size_bytes:,} bytes, more than {limits.max_bytes:,}")
    return EncodedFrames(num_frames, indices, {name: (chosen.path / name).read_bytes() for name in chosen.files})


def decode_frames(frames: EncodedFrames, limits: DecodeLimits = DEFAULT_LIMITS) -> DecodedClip:
    """Decode the chosen frames of a folder; times assume FRAMES_PER_SECOND.

        decode_frames(read_frames("clip", lambda num_frames: [0, num_frames - 1])).images

    Raises Undecodable and LimitExceeded.
    """
    images = [_decode(name, data, limits) for name, data in frames.data_of.items()]
    if len({image.shape for image in images}) > 1:
        raise Undecodable("the frames differ in size")
    image_of = dict(zip(sorted(set(frames.indices)), images, strict=True))
    return DecodedClip(
        images=tuple(image_of[index] for index in frames.indices),
        indices=frames.indices,
        times=tuple(index / FRAMES_PER_SECOND for index in frames.indices),
        video=_describe(frames, images[0]),
        report=DecodeReport("minimal", packets_fed=len(images), packets=frames.num_frames),
    )


def _decode(name: str, data: bytes, limits: DecodeLimits) -> Image:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise Undecodable(f"{name} is not an image that can be decoded")
    if image.shape[0] * image.shape[1] > limits.max_pixels_per_frame:
        raise LimitExceeded(f"{name} has more than {limits.max_pixels_per_frame} pixels")
    return np.ascontiguousarray(image[..., ::-1], np.uint8)


def _describe(frames: EncodedFrames, image: Image) -> VideoInfo:
    height, width = image.shape[:2]
    codec = _CODECS[Path(next(iter(frames.data_of))).suffix.lower()]
    return VideoInfo("image2", codec, width, height, frames.num_frames, frames.num_frames / FRAMES_PER_SECOND)
