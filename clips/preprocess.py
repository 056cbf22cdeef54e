"""Preprocessing: from a video file to the model's input, with the facts that a response reports about the video."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from clips.clip_spec import ClipSpec
from clips.decoding.container import VideoSource
from clips.decoding.decode import DecodedClip, decode
from clips.decoding.frame_folder import EncodedFrames, decode_frames, read_frames
from clips.decoding.frames import Image
from clips.decoding.limits import DecodeLimits
from clips.model_input import ModelInput, Sampling
from clips.part import WHOLE, Part, PickFrames
from clips.sampling import evaluation_indices, shifted_indices
from clips.transforms import make_views, resize_short_side

DecodeVideo = Callable[[VideoSource, PickFrames, DecodeLimits, Part, int], DecodedClip]
"""Decodes chosen frames of a video, or of a part of it, on so many threads."""

THUMBNAIL_SHORT_SIDE = 160
"""In pixels; eight such thumbnails take well under 100 kB."""


def preprocess(
    video: VideoSource | EncodedFrames,
    spec: ClipSpec,
    limits: DecodeLimits,
    *,
    thumbnails: bool = False,
    shifted: bool = False,
    part: Part = WHOLE,
    threads: int = 1,
    decode_video: DecodeVideo = decode,
) -> ModelInput:
    """Decode, sample, resize and crop a video, or a part of it.

        preprocess("clip.mp4", ClipSpec(), DecodeLimits()).views    # uint8 [1, 8, 224, 224, 3]

    Args:
        video: path, bytes or descriptor of the file, or the path of a folder of frames, or such frames.
        spec: the model's preprocessing parameters.
        limits: upper bounds for the decode.
        thumbnails: also encode the first clip's frames as JPEG.
        shifted: also sample other frames, half-way to the next ones, from the same decode.
        part: sample the frames that begin in it, as if they were all; of frames that were read, this was done.
        threads: the most threads to decode on.
        decode_video: decodes a video that is a file, as `clips.decoding.decode.decode` does.

    Raises:
        ClipError: the video cannot be decoded within the limits.
        OSError: the path cannot be read.
    """
    started_at, started = time.time(), time.perf_counter()
    clip = _decode(video, _frames_for(spec, shifted), limits, part, threads, decode_video)
    decoded = time.perf_counter()
    sampled = _sampling(clip, slice(spec.num_sampled), spec)
    return ModelInput(
        **vars(sampled),
        video=clip.video,
        shifted=_sampling(clip, slice(spec.num_sampled, None), spec) if shifted else None,
        thumbnails=_thumbnails(clip.images[: spec.num_frames]) if thumbnails else (),
        packets_fed=clip.report.packets_fed,
        started_at=started_at,
        decode_seconds=decoded - started,
        transform_seconds=time.perf_counter() - decoded,
    )


def read_folder(
    folder: os.PathLike[str], spec: ClipSpec, limits: DecodeLimits, *, shifted: bool = False, part: Part = WHOLE
) -> EncodedFrames:
    """Read the sampled frames of a folder, for `preprocess` in a process that may not open files.

    Raises NotAVideo for a folder without frames, NoSuchPart, LimitExceeded, and OSError.
    """
    return read_frames(folder, _frames_for(spec, shifted), limits, part)


def preprocess_frames(frames: NDArray[np.uint8] | Sequence[Image], spec: ClipSpec) -> Sampling:
    """Sample, resize and crop frames that are decoded already, as `preprocess` does; without times.

        preprocess_frames(np.zeros((30, 240, 320, 3), np.uint8), ClipSpec()).views    # uint8 [1, 8, 224, 224, 3]

    Args:
        frames: all frames of the clip, uint8 [T, H, W, 3], RGB, upright.
        spec: the model's preprocessing parameters.

    Raises:
        ValueError: the frames have another type or shape, or there is none.
    """
    first = np.asarray(frames[0]) if len(frames) else np.empty(0)
    if first.dtype != np.uint8 or first.ndim != 3 or first.shape[-1] != 3:
        raise ValueError(f"frames must be uint8 [T, H, W, 3], not {first.dtype} {(len(frames), *first.shape)}")
    indices = evaluation_indices(len(frames), spec.num_frames, spec.clips)
    sampled = [np.ascontiguousarray(frames[index]) for index in indices]
    return Sampling(views=make_views(sampled, spec), indices=tuple(indices), times=())


def _decode(
    video: VideoSource | EncodedFrames,
    pick_frames: PickFrames,
    limits: DecodeLimits,
    part: Part,
    threads: int,
    decode_video: DecodeVideo,
) -> DecodedClip:
    if isinstance(video, EncodedFrames):
        return decode_frames(video, limits)
    if isinstance(video, os.PathLike | str) and os.path.isdir(video):
        return decode_frames(read_frames(video, pick_frames, limits, part), limits)
    return decode_video(video, pick_frames, limits, part, threads)


def _frames_for(spec: ClipSpec, shifted: bool) -> PickFrames:
    pick_frames = _both_indices if shifted else evaluation_indices
    return partial(pick_frames, num_segments=spec.num_frames, num_clips=spec.clips)


def _both_indices(num_frames_in_clip: int, num_segments: int, num_clips: int) -> list[int]:
    first = evaluation_indices(num_frames_in_clip, num_segments, num_clips)
    return first + shifted_indices(num_frames_in_clip, num_segments, num_clips)


def _sampling(clip: DecodedClip, part: slice, spec: ClipSpec) -> Sampling:
    return Sampling(make_views(clip.images[part], spec), clip.indices[part], clip.times[part])


def _thumbnails(images: tuple[Image, ...]) -> tuple[bytes, ...]:
    """Encode each frame; one that a short clip repeats is encoded once."""
    jpeg_of = {key: _jpeg(image) for key, image in {id(image): image for image in images}.items()}
    return tuple(jpeg_of[id(image)] for image in images)


def _jpeg(image: Image) -> bytes:
    small = resize_short_side(image, THUMBNAIL_SHORT_SIDE) if min(image.shape[:2]) > THUMBNAIL_SHORT_SIDE else image
    done, jpeg = cv2.imencode(".jpg", np.ascontiguousarray(small[..., ::-1]), [cv2.IMWRITE_JPEG_QUALITY, 80])
    if not done:
        raise RuntimeError(f"OpenCV could not encode a frame of shape {small.shape} as JPEG")
    return jpeg.tobytes()
