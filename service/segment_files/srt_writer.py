"""SRT: subtitles that name the action, for players and editors."""

from __future__ import annotations

from typing import TextIO

from service.inference.segmentation import Segment


class SrtWriter:
    """Writes a cue for each segment that is named; between cues nothing is shown.

    1
    00:00:00,000 --> 00:00:02,500
    waving (87 %)
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._num_cues = 0

    def add(self, segment: Segment) -> None:
        """Write the segment's cue."""
        if segment.label is None:
            return
        self._num_cues += 1
        begin, end = _clock(segment.start), _clock(segment.end)
        self._file.write(f"{self._num_cues}\n{begin} --> {end}\n{_one_line(segment)}\n\n")
        self._file.flush()

    def close(self) -> None:
        """Do nothing: a file of cues has no end of its own."""


def _one_line(segment: Segment) -> str:
    # a line break would end the cue, and an arrow would begin the next one
    label = " ".join(str(segment.label).split()).replace("-->", "->")
    return f"{label} ({100 * segment.probability:.0f} %)"


def _clock(seconds: float) -> str:
    """Format seconds as SRT does, "00:01:05,250"."""
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02},{rest % 1000:03}"
