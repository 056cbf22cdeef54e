"""Films for live sources: colours one after another, and a film repeated without encoding it again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

from clips.decoding.frames import Image
from training.synthetic.video_encoder import Encoding, encode_video

RATE = 25
COLOURS = {"red": (230, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 230)}
"""Those that the tests' model `colours` names."""
H264 = Encoding("mp4", "libx264", {"crf": "28", "preset": "veryfast", "g": "25", "bf": "0"})


def colour_film(path: Path, scenes: Sequence[tuple[str, float]], encoding: Encoding = H264) -> Path:
    """Write scenes of one colour each, so many seconds long, with a square that moves; return the path."""
    path.write_bytes(encode_video(list(_frames(scenes)), encoding, RATE))
    return path


def repeated(film: Path, path: Path, times: int) -> Path:
    """Write a film of H.264 so many times in a row; its packets are copied. Return the path."""
    with av.open(str(path), "w", format="mp4") as out:
        stream: VideoStream | None = None
        for turn in range(times):
            with av.open(str(film)) as container:
                video = container.streams.video[0]
                if stream is None:
                    stream = out.add_stream_from_template(video)
                assert video.duration is not None
                for packet in container.demux(video):
                    if packet.pts is None or packet.dts is None:
                        continue
                    packet.pts += turn * video.duration
                    packet.dts += turn * video.duration
                    packet.stream = stream
                    out.mux(packet)
    return path


def _frames(scenes: Sequence[tuple[str, float]]) -> Iterator[Image]:
    for colour, seconds in scenes:
        for index in range(round(seconds * RATE)):
            frame = np.full((120, 160, 3), COLOURS[colour], np.uint8)
            frame[40:60, index % 140 : index % 140 + 20] = 128
            yield frame
