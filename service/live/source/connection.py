"""Connection: an open source, whose frames are decoded as they come and dropped when decoding is too slow."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clips.decoding.frames import Converter, Image, frame_seconds, seconds_of
from service.live.source.address import Source
from service.live.source.errors import SourceLost
from service.live.source.frame_clock import FrameClock
from service.live.source.pace import Pace

OPEN_SECONDS = 10.0
"""Longest wait for a source to open, and for its next packet."""

SENT_AS_FILMED = {"rtsp", "video4linux2,v4l2", "mpjpeg", "mjpeg"}
"""FFmpeg's names of the demuxers that cannot be ahead of time; other sources are held back to their own pace."""
WITHOUT_CLOCK = {"mpjpeg", "mjpeg"}
"""Demuxers that invent the times of their packets."""


@dataclass
class FrameCounts:
    """Frames that were decoded, and packets that were dropped because decoding was behind; one holds one frame."""

    frames: int = 0
    dropped_frames: int = 0


@contextmanager
def connect(source: Source, max_pixels: int, stop: threading.Event) -> Iterator[Connection]:
    """Open a source and wait until its video is known; `max_pixels` bounds a frame.

        with connect(source_of("rtsp://camera/stream"), 4096 * 2304, threading.Event()) as connection:
            for seconds, image in connection.frames(FrameCounts()):
                ...

    Raises SourceLost, also on the way.
    """
    options = {**source.options, "max_pixels": str(max_pixels)}
    with _errors_of(source):
        timeout = OPEN_SECONDS if source.is_reopened else None
        with av.open(
            source.location, format=source.format, options=options, timeout=timeout, metadata_errors="replace"
        ) as container:
            yield Connection(source, container, max_pixels, stop)


class Connection:
    """An open source, whose frames can be read once.

    `ends` is True where the end of the stream is that of the video; else the source is opened again.
    """

    def __init__(self, source: Source, container: InputContainer, max_pixels: int, stop: threading.Event) -> None:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream):
            raise SourceLost(f"{source.name} has no video")
        # the container's max_pixels does not reach the decoder
        stream.codec_context.options = {"max_pixels": str(max_pixels)}
        stream.codec_context.thread_count = 1
        self._container, self._stream, self._stop = container, stream, stop
        self._is_live = container.format.name in SENT_AS_FILMED
        self._has_clock = container.format.name not in WITHOUT_CLOCK
        self._pace = Pace(is_played=not self._is_live)
        self._clock = FrameClock(self.frame_seconds, self._is_live)
        self._converter = Converter()
        self.ends = not source.is_reopened or not (self._is_live or container.duration is None)

    @property
    def frame_seconds(self) -> float:
        """Average duration of a frame in seconds, or 0 where it is not known."""
        return frame_seconds(self._stream)

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec."""
        return self._stream.codec_context.codec.canonical_name

    def frames(self, counts: FrameCounts) -> Iterator[tuple[float, Image]]:
        """Yield time and image of each frame: seconds from the first one, and uint8 [H, W, 3] RGB, upright.

        Adds to `counts`. Ends with the stream, or when it is to stop. Raises what FFmpeg raises, which `connect` turns
        into SourceLost.
        """
        for packet in self._packets_in_time(counts):
            for frame in self._decoded(packet):
                counts.frames += 1
                seconds = seconds_of(frame, self._stream) if self._has_clock else None
                yield self._clock.time_of(seconds), self._converter.upright(frame)

    def _packets_in_time(self, counts: FrameCounts) -> Iterator[Packet[VideoStream]]:
        """Drop packets when decoding is behind; wait before those of a source that is played."""
        was_dropped = False
        for packet, blocked_seconds in self._packets():
            seconds = _seconds_of_packet(packet) if self._has_clock else None
            if seconds is not None and self._pace.drops(seconds, packet.is_keyframe, blocked_seconds):
                counts.dropped_frames += 1
                was_dropped = True
                continue
            if was_dropped:
                self._stream.codec_context.flush_buffers()
                was_dropped = False
            if seconds is not None and self._stop.wait(self._pace.wait_for(seconds)):
                return
            yield packet

    def _packets(self) -> Iterator[tuple[Packet[VideoStream], float]]:
        """Yield each packet, also the empty one at the end, with the seconds that it was waited for."""
        packets = self._container.demux(self._stream)
        while not self._stop.is_set():
            asked_at = time.monotonic()
            packet = next(packets, None)
            if packet is None:
                return
            yield packet, time.monotonic() - asked_at

    def _decoded(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        """Decode a packet; one that is damaged gives no frame, as in a player."""
        try:
            return self._stream.codec_context.decode(packet if packet.size else None)
        except av.error.FFmpegError:
            return []


def _seconds_of_packet(packet: Packet[VideoStream]) -> float | None:
    stamp = packet.pts if packet.dts is None else packet.dts
    return float(stamp * packet.time_base) if stamp is not None and packet.time_base is not None else None


@contextmanager
def _errors_of(source: Source) -> Iterator[None]:
    try:
        yield
    except av.error.ExitError as error:
        raise SourceLost(f"{source.name} gave nothing for {OPEN_SECONDS:g} s") from error
    except (av.error.FFmpegError, IndexError) as error:  # IndexError: PyAV's answer to a stream of no header
        # the message of FFmpeg's error has the whole address in it, with its password
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise SourceLost(f"{source.name} cannot be read: {reason}") from error
