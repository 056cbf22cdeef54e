"""Annotated video: an MP4 of the video's pictures with the current action drawn on each, without its sound."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clips.decoding.container import VideoSource
from clips.decoding.frames import Image
from clips.decoding.limits import DecodeLimits
from clips.decoding.stream import FrameStream, open_stream
from clips.part import WHOLE, Part
from service.inference.segmentation import Segment
from service.segment_files.caption import Captioner
from service.store.atomic import replacing

CLOCK = Fraction(1, 90_000)
"""Unit of the frames' times."""

ENCODER = "libx264"
# without B-frames packets come in the order of display, so that each has the length of its frame
ENCODER_OPTIONS = {"preset": "veryfast", "crf": "23", "bf": "0"}

SMPTE_170M = 6
"""FFmpeg's number of the matrix by which RGB becomes YUV here; players assume another for large frames."""


def annotate_video(
    video: VideoSource, segments: Sequence[Segment], target: Path, limits: DecodeLimits, part: Part = WHOLE
) -> Iterator[float]:
    """Draw the segments on the frames of the video and encode them as H.264 in MP4; yield the share that is done.

        for share in annotate_video("long.mp4", segments, Path("named.mp4"), DecodeLimits()):
            print(f"{share:.0%}")

    Frames keep their times, so the speed is right where the rate varies, and are upright. Memory does not grow with the
    length. The file is written aside and put in place at the end.

    Args:
        video: path, bytes or descriptor of the file, which this process decodes.
        segments: in order of time, in seconds from the video's first frame.
        target: path of the new file.
        limits: upper bounds for the decode.
        part: the frames to show; the new file begins with the first of them.

    Raises ClipError, and OSError for a path that cannot be read or written.
    """
    with (
        open_stream(video, limits) as stream,
        replacing(target) as aside,
        av.open(str(aside), "w", format="mp4", options={"movflags": "faststart"}) as output,
    ):
        shown = part.frames(stream.times, stream.duration_seconds)
        end = part.end_in(stream.duration_seconds)
        with closing(_Encoder(output, _rate(stream, shown))) as encoder:
            yield from _draw_each(stream, shown, end, segments, encoder)


def _draw_each(
    stream: FrameStream, shown: range, end: float, segments: Sequence[Segment], encoder: _Encoder
) -> Iterator[float]:
    starts = [segment.start for segment in segments]
    captioner: Captioner | None = None
    begin, boundaries = stream.times[shown.start], [*stream.times[: shown.stop], end]
    for index, image in stream.frames(shown):
        captioner = captioner or Captioner(image.shape[1], image.shape[0])
        seconds, until = boundaries[index], boundaries[index + 1]
        at = bisect_right(starts, seconds) - 1
        progress = (until - begin) / (end - begin)
        captioner.draw(image, segments[at] if at >= 0 else None, progress)
        encoder.add(image, seconds - begin, until - begin)
        yield progress


def _rate(stream: FrameStream, shown: range) -> Fraction:
    """Return the mean rate, which the encoder takes as a hint; the frames' own times decide."""
    mean = stream.duration_seconds / len(stream.times)
    return Fraction(1 / mean).limit_denominator(1001) if mean > 0 else Fraction(25)


class _Encoder:
    """Encodes frames, each with its own length, into the container."""

    def __init__(self, output: OutputContainer, rate: Fraction) -> None:
        self._output = output
        self._rate = rate
        self._stream: VideoStream | None = None
        self._ticks_of: dict[int, int] = {}
        self._next = 0

    def add(self, image: Image, seconds: float, until: float) -> None:
        """Encode a frame that is shown from `seconds` to `until`."""
        stream = self._stream = self._stream or self._open(image)
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
        frame = frame.reformat(stream.width, stream.height, "yuv420p")
        frame.pts, frame.time_base = max(self._next, round(seconds / CLOCK)), CLOCK
        self._next = frame.pts + 1
        self._ticks_of[frame.pts] = max(1, round(until / CLOCK) - frame.pts)
        self._mux(stream, frame)

    def close(self) -> None:
        """Encode what the encoder still holds."""
        if self._stream is not None:
            self._mux(self._stream, None)

    def _open(self, image: Image) -> VideoStream:
        height, width = image.shape[:2]
        stream = self._output.add_stream(ENCODER, rate=self._rate, options=ENCODER_OPTIONS)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = max(2, width // 2 * 2), max(2, height // 2 * 2), "yuv420p"
        stream.codec_context.time_base = CLOCK
        stream.codec_context.colorspace = SMPTE_170M
        return stream

    def _mux(self, stream: VideoStream, frame: VideoFrame | None) -> None:
        for packet in stream.encode(frame):
            packet.duration = self._ticks_of.pop(packet.pts or 0)
            self._output.mux(packet)
