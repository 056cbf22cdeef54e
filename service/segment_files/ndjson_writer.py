"""JSON lines: an object for each segment, for programs that read while it grows."""

from __future__ import annotations

import json
from typing import TextIO

from service.inference.segmentation import Segment
from service.segment_files.row import row_of


class NdjsonWriter:
    """Writes segments as lines of JSON; where nothing is named, `label` and `index` are null."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def add(self, segment: Segment) -> None:
        """Write the segment's line."""
        self._file.write(f"{json.dumps(row_of(segment), ensure_ascii=False)}\n")
        self._file.flush()

    def close(self) -> None:
        """Do nothing: a file of lines has no end of its own."""
