"""Long films, quickly: the packets of a short one, again and again."""

from __future__ import annotations

import io

import av
from av.container import InputContainer, OutputContainer
from av.video.stream import VideoStream


def repeated(video: bytes, times: int, seconds: float) -> bytes:
    """Return an MP4 of a video that lasts `seconds`, played so many times, without encoding it again."""
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as output:
        with av.open(io.BytesIO(video), "r") as source:
            stream = output.add_stream_from_template(source.streams.video[0])
        for time in range(times):
            with av.open(io.BytesIO(video), "r") as source:
                _append(output, stream, source, time * seconds)
    return target.getvalue()


def _append(output: OutputContainer, stream: VideoStream, source: InputContainer, seconds: float) -> None:
    video = source.streams.video[0]
    assert video.time_base is not None
    shift = round(seconds / video.time_base)
    for packet in source.demux(video):
        if packet.pts is None or packet.dts is None:
            continue
        packet.pts, packet.dts, packet.stream = packet.pts + shift, packet.dts + shift, stream
        output.mux(packet)
