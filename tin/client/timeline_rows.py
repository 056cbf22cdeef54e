"""Rows of a timeline's stream: bytes come in as they arrive, windows and segments go out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clips.video_info import VideoInfo
from tin.client.answers import problem_of, reading, result_of, window_of
from tin.client.errors import NoAnswer
from tin.results import ModelRef, Timeline, TimelineSegment, TimelineWindow


@dataclass(frozen=True)
class TimelineHead:
    """The beginning of a timeline: the model that answers, the video, and the number of windows to come."""

    model: ModelRef
    clip: VideoInfo
    num_windows: int


class TimelineRows:
    """The rows that have come so far."""

    def __init__(self) -> None:
        self.head: TimelineHead | None = None
        self._windows: list[TimelineWindow] = []
        self._segments: tuple[TimelineSegment, ...] | None = None
        self._num_taken = 0
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        """Read the lines that end in these bytes; raises ServiceProblem for a problem, NoAnswer for a foreign line."""
        # Not by str.splitlines, which also splits at characters that a label may have.
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in filter(None, lines):
            with reading():
                self._read(json.loads(line))

    def take(self) -> list[TimelineWindow]:
        """Return the windows that came since the last call."""
        found = self._windows[self._num_taken :]
        self._num_taken = len(self._windows)
        return found

    def timeline(self) -> Timeline:
        """Return the whole timeline; raises NoAnswer where the stream broke off before its end."""
        if self._segments is None or self.head is None:
            raise NoAnswer(f"the timeline broke off after {len(self._windows)} windows")
        return Timeline(tuple(self._windows), self._segments, self.head.model)

    def _read(self, row: Mapping[str, Any]) -> None:
        match row["kind"]:
            case "clip":
                model, clip = result_of(ModelRef, row["model"]), result_of(VideoInfo, row["clip"])
                self.head = TimelineHead(model, clip, row["num_windows"])
            case "window":
                self._windows.append(window_of(row))
            case "segments":
                self._segments = tuple(result_of(TimelineSegment, segment) for segment in row["segments"])
            case "problem":
                raise problem_of(row)
