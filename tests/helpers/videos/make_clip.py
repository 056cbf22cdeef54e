"""Encode the clip that a recipe describes, with PyAV's encoders."""

import functools
import random
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame

from tests.helpers.videos.clip_recipes import ClipRecipe


def make_clip(recipe: ClipRecipe, pictures: Callable[[ClipRecipe], Iterable[VideoFrame]] | None = None) -> bytes:
    """Encode a clip and return its file; `pictures` yields its frames, by default a patch that moves over noise.

    A second call may return other bytes: x264's macroblock tree is not always the same, and Matroska numbers its files
    at random. To compare a file with itself, use `cached_clip`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip"
        # In a thread of its own: SVT-AV1, run by root, makes the calling thread a real-time one, which starves others.
        with ThreadPoolExecutor(1) as thread:
            thread.submit(_write, path, recipe, pictures or _pictures).result()
        return recipe.change(path.read_bytes())


@functools.cache
def cached_clip(recipe: ClipRecipe) -> bytes:
    """Return the file of `make_clip`, the same bytes each time."""
    return make_clip(recipe)


def _write(path, recipe, pictures):
    with av.open(str(path), "w", format=recipe.container, options=recipe.muxing) as container:
        audio = [container.add_stream("aac", rate=8000, layout="mono")] if recipe.audio_first else []
        videos = [_add_video(container, recipe)]
        if recipe.second_video:
            videos.append(_add_video(container, recipe, width=32, height=32))
        for stream in audio:
            container.mux(_silence(stream))
        for index, picture in enumerate(pictures(recipe)):
            for video in videos:
                frame = picture.reformat(video.width, video.height, video.pix_fmt)
                frame.pts, frame.time_base = _time(recipe, index), Fraction(1, 1000)
                container.mux(_with_times(recipe, video.encode(frame)))
        for video in videos:
            container.mux(_with_times(recipe, video.encode()))


def _add_video(container, recipe, width=None, height=None):
    video = container.add_stream(recipe.encoder, rate=25, options=recipe.options)
    video.width, video.height, video.pix_fmt = width or recipe.width, height or recipe.height, recipe.pixels
    video.codec_context.time_base = Fraction(1, 25 if not recipe.varying_rate else 1000)
    video.gop_size = recipe.gop
    if recipe.title:
        video.metadata["title"] = recipe.title
    if recipe.turn:
        video.set_display_rotation(recipe.turn)
    return video


def _silence(audio):
    for index in range(8):
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 8000, index * 1024, Fraction(1, 8000)
        yield from audio.encode(frame)
    yield from audio.encode()


def _pictures(recipe):
    """Yield noise that moves over a gradient: each frame differs, and prediction has work to do."""
    rng = np.random.default_rng(len(recipe.name))
    texture = rng.integers(0, 256, (recipe.height, recipe.width, 3), np.uint8)
    gradient = np.linspace(0, 120, recipe.width, dtype=np.uint8)[None, :, None]
    for index in range(recipe.frames):
        frame = texture // 4 + gradient
        top, left = (index * 2) % (recipe.height - 24), (index * 3) % (recipe.width - 24)
        frame[top : top + 24, left : left + 24] = texture[:24, :24]
        yield av.VideoFrame.from_ndarray(frame, format="rgb24")


def _time(recipe, index):
    """Return a frame's time in milliseconds."""
    return index * 40 + (random.Random(index).randrange(30) if recipe.varying_rate else 0)


def _with_times(recipe, packets):
    return [_before_zero(packet, recipe.drop_first) for packet in packets]


def _before_zero(packet, num_frames):
    """Move a packet back by some frames; an MP4's edit list hides those before time 0."""
    if num_frames and packet.time_base:
        shift = round(num_frames / 25 / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
    return packet
